#!/usr/bin/env bash
# Regenerates onnx.pb.go from the official onnx-ml.proto3.
# The .proto3 is written by ONNX's own gen_proto.py out of the PyPI package onnx (pinned below), so no copy of it
# lives here. Comments are dropped: the descriptor set carries no source info. The protobuf package and file get names
# of our own, which change nothing in the wire format: onnx-go registers the original ones, and a name may be registered
# only once in a process.
# Needs: python3 with pip, protoc (Debian: protobuf-compiler), Go.
set -euo pipefail
cd "$(dirname "$0")"
ONNX_VERSION=1.23.2
GEN_GO_VERSION=v1.36.12
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip download --quiet --no-deps --dest "$work" "onnx==$ONNX_VERSION"
python3 -m zipfile -e "$work"/onnx-*.whl "$work/onnx"
(cd "$work/onnx/onnx" && python3 gen_proto.py --ml --package autodeeplab_onnx --output "$work" onnx >/dev/null)
mkdir "$work/autodeeplab"
mv "$work"/onnx*.proto3 "$work/autodeeplab/onnx.proto"
GOBIN="$work" go install "google.golang.org/protobuf/cmd/protoc-gen-go@$GEN_GO_VERSION"
protoc --proto_path="$work" --descriptor_set_out="$work/onnx.ds" autodeeplab/onnx.proto
protoc --plugin="$work/protoc-gen-go" --descriptor_set_in="$work/onnx.ds" --go_out="$work" \
  --go_opt=Mautodeeplab/onnx.proto=autodeeplab/onnx/pb --go_opt=module=autodeeplab autodeeplab/onnx.proto
mv "$work/onnx/pb/onnx.pb.go" onnx.pb.go
