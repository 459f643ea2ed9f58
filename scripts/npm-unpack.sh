#!/usr/bin/env bash
# Gets an npm package, checks its tarball's sum and unpacks some of its files, under package/. No install script is run.
#   scripts/npm-unpack.sh NAME@VERSION SHA256 FOLDER PATTERN    patterns as tar --wildcards takes them
set -euo pipefail
package=$1 sum=$2 folder=$3 pattern=$4
command -v npm >/dev/null || { echo "npm-unpack.sh: npm is not installed; install Node.js with npm and run this again" >&2; exit 1; }
file=$(cd "$folder" && npm pack --silent "$package")
echo "$sum  $folder/$file" | sha256sum --check --quiet - >&2
tar -xzf "$folder/$file" -C "$folder" --wildcards "$pattern"
