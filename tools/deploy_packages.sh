#!/bin/sh
# Install what `make test-deploy` runs and this machine lacks. None of it is started: the tests do that, in folders of
# their own.
set -eu
PATH=$PATH:/usr/sbin:/sbin

missing=
command -v nginx >/dev/null || missing="$missing nginx"
command -v pgbouncer >/dev/null || missing="$missing pgbouncer"
command -v systemd-analyze >/dev/null || missing="$missing systemd"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "make test-deploy needs these packages:$missing. On Debian and Ubuntu root can install them: apt-get install$missing" >&2
    exit 1
fi
echo "Installing$missing with apt-get (once, about 20 s) ..."
# Debian starts a service as soon as it is installed, unless this says no (invoke-rc.d(8)).
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod +x $policy
    trap 'rm -f $policy' EXIT
fi
apt-get update -qq
# shellcheck disable=SC2086  # a list of words
DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
