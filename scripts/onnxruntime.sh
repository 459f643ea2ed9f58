#!/usr/bin/env bash
# Gets ONNX Runtime's shared library out of the npm package onnxruntime-node into the cache folder, where
# `--engine onnxruntime` and the tests look for it, and prints its path. Needs npm (no install script is run).
#   AUTODEEPLAB_CACHE  the cache folder (default: $XDG_CACHE_HOME/autodeeplab or ~/.cache/autodeeplab)
set -euo pipefail
VERSION=1.30.0
SHA256=6e3390d6b783e7be946fad629292799da28d0b42f84856e50d2c1b0383291e75

case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) platform=linux/x64 ;;
  Linux-aarch64) platform=linux/arm64 ;;
  *) echo "onnxruntime.sh: no library for $(uname -s) $(uname -m) (Linux on x86_64 and aarch64 have one)" >&2; exit 1 ;;
esac
dir="${AUTODEEPLAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/autodeeplab}/onnxruntime-$VERSION"
lib="$dir/libonnxruntime.so.1"
if [ ! -e "$lib" ]; then
  mkdir -p "$dir"
  work=$(mktemp -d "$dir/get.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  "$(dirname "$0")/npm-unpack.sh" "onnxruntime-node@$VERSION" "$SHA256" "$work" "package/bin/napi-v6/$platform/libonnxruntime.so.1"
  mv "$work/package/bin/napi-v6/$platform/libonnxruntime.so.1" "$lib"
fi
echo "$lib"
