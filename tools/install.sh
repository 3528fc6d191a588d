#!/bin/sh
# install.sh VENV LOCK HOW_LONG: make VENV anew from a lock file, with this project in it, editable.
# It uses pip alone, as it is configured on this machine: a faster installer would save seconds, but would have to be
# fetched first, and would not know of pip's mirrors and certificates.
set -eu
venv=$1 lock=$2 how_long=$3

if cmp -s "$lock" "$venv/installed"; then
    touch "$venv/installed" # the lock file is newer, but says the same
    exit 0
fi

missing=python3.11
python=
for candidate in python3 python3.13 python3.12 python3.11; do
    "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
        python=$candidate
        break
    fi
    missing=$candidate # new enough, but Debian puts venv into a package of its own
done
if [ -z "$python" ]; then
    cat >&2 <<EOF
Gatepost needs Python 3.11 or newer with its venv module, and found none on PATH. What brings it:
  Debian, Ubuntu   apt install $missing $missing-venv
  Fedora           dnf install python3.11
  macOS            brew install python@3.11
EOF
    exit 1
fi

echo "Installing $(grep -c == "$lock") packages into $venv (once for each change of $lock, $how_long) ..."
rm -rf "$venv" # so that nothing stays that the lock no longer names
"$python" -m venv "$venv"
pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@"; }
# The lock is complete, so there is nothing to resolve, and bytecode is written by whatever is imported first.
pip install --quiet --no-deps --no-compile --require-hashes -r "$lock"
pip install --quiet --no-deps --no-build-isolation --editable .
cp "$lock" "$venv/installed"
