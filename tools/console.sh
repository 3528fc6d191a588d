#!/bin/sh
# Check the console's types and build it from web/. Wants node first in PATH, and what web/package-lock.json names.
# usage: tools/console.sh [DIRECTORY]    where the build is written, by default where the service looks for it
set -eu
cd "$(dirname "$0")/.."
out=$(realpath -m "${1:-app/console/assets}")
cd web
node_modules/.bin/tsc --noEmit
node_modules/.bin/vite build --logLevel warn --emptyOutDir --outDir "$out"
