#!/bin/sh
# Fail unless the contract is well formed, breaks no client of the documented one, and all that is generated is current.
set -eu
cd "$(dirname "$0")/.."
buf lint
# Vendored files keep the format of their owners.
buf format --diff --exit-code --exclude-path proto/buf --exclude-path proto/google --exclude-path proto/grpc
# The image is the documented contract, built once. Building it anew would make every break pass.
buf breaking --against proto/baseline.binpb
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
tools/gen.sh "$fresh"
if ! {
    diff -ru --exclude=__pycache__ gen "$fresh/gen" &&
        diff -ru web/src/gen "$fresh/web/src/gen" &&
        diff -u docs/api.md "$fresh/docs/api.md"
}; then
    echo "gen/, web/src/gen/ or docs/api.md is not what proto/ generates: run tools/gen.sh" >&2
    exit 1
fi
