#!/usr/bin/env bash
# Gets ONNX's own backend tests out of Debian's package libonnx-testdata into the cache folder, where the tests look
# for them, and prints their path. Needs apt-get and dpkg-deb; nothing is installed.
#   AUTODEEPLAB_CACHE  the cache folder (default: $XDG_CACHE_HOME/autodeeplab or ~/.cache/autodeeplab)
set -euo pipefail
dir="${AUTODEEPLAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/autodeeplab}/onnx-testdata"
if [ ! -d "$dir/node" ]; then
  command -v apt-get >/dev/null || { echo "onnx-testdata.sh: needs apt-get (a Debian system)" >&2; exit 1; }
  mkdir -p "$(dirname "$dir")"
  work=$(mktemp -d "$dir.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  chmod 755 "$work"
  (cd "$work" && apt-get -qq -o APT::Sandbox::User=root download libonnx-testdata >/dev/null) # apt checks the archive's signed hash
  dpkg-deb -x "$work"/libonnx-testdata_*.deb "$work/x"
  mv "$work/x/usr/share/libonnx-testdata/data" "$dir"
fi
echo "$dir"
