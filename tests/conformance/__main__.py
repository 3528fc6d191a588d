"""Runs the Connect conformance suite against Gatepost. `make conformance` builds the suite's runner first.

usage: python -m tests.conformance              HTTP/1.1 and HTTP/2, with and without TLS, one after the other
       python -m tests.conformance OPTION...    one run, with options of the runner: --trace --run '**/unary/success'
"""

import subprocess
import sys
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.databases import migrated_file

HERE = Path(__file__).parent


def main(*options: str) -> bool:
    """Whether all went as it should."""
    with TemporaryDirectory() as folder:
        # A server has 10 s to start. That it need not write a database first matters while a disk is busy with a build.
        database = migrated_file(Path(folder))
        return suite(database, *options) if options else all_configurations(database)


def all_configurations(database: Path) -> bool:
    good, elsewhere = True, list[str]()
    for version, tls in product(("1", "2"), ("false", "true")):
        cases = f"**/HTTPVersion:{version}/**/TLS:{tls}/**"
        print(f"\nConnect conformance suite, HTTP/{version}, TLS: {tls}", flush=True)
        good &= suite(database, "-v", "--run", cases)
        elsewhere += ["--skip", cases]
    rest = subprocess.run(command(database, *elsewhere), stdout=subprocess.PIPE, text=True).stdout
    if "Total cases: 0\n" not in rest:  # a newer suite may name its cases in another way
        print(f"\nThese cases are in none of the four configurations:\n{rest}")
        return False
    return good


def suite(database: Path, *options: str) -> bool:
    return subprocess.run(command(database, *options)).returncode == 0


def command(database: Path, *options: str) -> list[str]:
    runner = [str(HERE / "bin/connectconformance"), "--mode", "server", "--conf", str(HERE / "config.yaml")]
    # One server at a time, or two that start at once may be too slow on a machine with other work.
    runner += ["--known-flaky", f"@{HERE / 'known-flaky.txt'}", "--max-servers", "1", *options]
    return [*runner, "--", sys.executable, "-m", "tests.conformance.server", str(database)]


if __name__ == "__main__":
    sys.exit(not main(*sys.argv[1:]))
