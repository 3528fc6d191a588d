#!/bin/sh
# Fail unless the committed console is what web/ builds.
set -eu
cd "$(dirname "$0")/.."
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
tools/console.sh "$fresh"
if ! diff -r app/console/assets "$fresh"; then
    echo "app/console/assets is not what web/ builds: run make console" >&2
    exit 1
fi
