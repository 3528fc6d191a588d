#!/bin/sh
# Run the Connect conformance suite against Gatepost. Wants the project's python first in PATH.
# usage: tools/conformance.sh              HTTP/1.1 and HTTP/2, with and without TLS, one after the other
#        tools/conformance.sh OPTION...    one run, with options of the suite's runner: --trace --run '**/unary/success'
set -eu
cd "$(dirname "$0")/.."

suite() {
    # One server at a time: it has 10 s to start, which two at once may not make on a busy machine.
    tests/conformance/bin/connectconformance --mode server --conf tests/conformance/config.yaml \
        --known-flaky @tests/conformance/known-flaky.txt --max-servers 1 "$@" -- python -m tests.conformance.server
}

if [ $# -gt 0 ]; then
    suite "$@"
    exit
fi

failed=
for version in 1 2; do
    for tls in false true; do
        cases="**/HTTPVersion:$version/**/TLS:$tls/**"
        printf '\nConnect conformance suite, HTTP/%s, TLS: %s\n' $version $tls
        suite -v --run "$cases" || failed=yes
        set -- "$@" --skip "$cases"
    done
done
if ! suite "$@" | grep -qx 'Total cases: 0'; then
    echo 'Some cases are in none of these four: look at their names, and extend tools/conformance.sh.' >&2
    failed=yes
fi
[ -z "$failed" ]
