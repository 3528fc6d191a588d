"""`buf curl`, which speaks all three protocols and takes the messages from proto/ or from the server itself."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.e2e.clients.call import Answer, Call, Client, Jar, Place, Way, refused_in_json
from tests.e2e.programs import Ran, run
from tests.e2e.server import ROOT

PROTOCOLS = {"Connect": "connect", "gRPC-Web": "grpcweb", "gRPC": "grpc"}
_SPARE = (0.3, 1.0, 3.0)
"""Seconds in addition, tried in turn: `--timeout` counts from the start of the program, not of the call."""


@contextmanager
def with_protos(way: Way, place: Place) -> Iterator[Client]:
    yield _BufCurl(way, place, ["--schema", str(ROOT / "proto")])


@contextmanager
def by_reflection(way: Way, place: Place) -> Iterator[Client]:
    yield _BufCurl(way, place, [])


class _BufCurl:
    def __init__(self, way: Way, place: Place, arguments: list[str]) -> None:
        self._url = place.url
        self._folder = place.folder
        version = ["--http2-prior-knowledge"] if way.http == "2" else []
        self._arguments = ["curl", "-v", *arguments, *version, "--protocol", PROTOCOLS[way.protocol]]
        self._jar = Jar()

    def __call__(self, call: Call) -> Answer:
        ran = self._run(call)
        if call.session:
            self._jar.keep(re.findall(r"< \(#\d+\) Set-Cookie: (.+)", ran.stderr))
        answered = list(_documents(ran.stdout))
        if ran.status == 0:
            return Answer(answered)
        told = (line for line in ran.stderr.splitlines() if not line.startswith("buf: "))  # as all do that -v brings
        return Answer(answered, refused_in_json(json.loads("".join(told))))

    def _run(self, call: Call) -> Ran:
        arguments = [*self._arguments, "-d", json.dumps(call.message)]
        for name, value in self._jar.headers(call).items():
            arguments += ["-H", f"{name}: {value}"]
        for seconds in [call.timeout + spare for spare in _SPARE] if call.timeout else [20]:
            timeout = f"--timeout={seconds}s"
            ran = run("buf", *arguments, timeout, f"{self._url}/{call.rpc}", folder=self._folder)
            if ran.status == 0 or ran.status >= 8:  # below 8 there was no call
                return ran
        raise AssertionError(ran.stderr)


def _documents(text: str) -> Iterator[Any]:
    decoder, rest = json.JSONDecoder(), text.strip()
    while rest:
        document, end = decoder.raw_decode(rest)
        yield document
        rest = rest[end:].lstrip()
