#!/bin/sh
# Regenerate all that is made from proto/: gen/, web/src/gen/ and docs/api.md. Wants buf, its plug-ins and their python first in PATH.
# usage: tools/gen.sh [DIRECTORY]    where gen/, web/ and docs/ are written, by default this project
set -eu
cd "$(dirname "$0")/.."
out=${1:-.}
# Not buf's `clean`, which would empty docs/ too. Without this the modules of a removed proto would stay importable.
rm -rf "$out/gen" "$out/web/src/gen"
buf generate --output "$out"
