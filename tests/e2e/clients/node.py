"""The clients for JavaScript, each in a Node process of its own: tests/node/caller.ts makes the calls."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.clients.call import Answer, Call, Client, Place, Refused, Way
from tests.e2e.programs import found
from tests.e2e.server import clean_environment

PAGE_ORIGIN = "http://127.0.0.1:5173"


@contextmanager
def connect_node(way: Way, place: Place) -> Iterator[Client]:
    with _caller("connectNode", way, place) as client:
        yield client


@contextmanager
def connect_web(way: Way, place: Place) -> Iterator[Client]:
    with _caller("connectWeb", way, place, "--import", "./browser.mjs") as client:
        yield client


@contextmanager
def grpc_web(way: Way, place: Place) -> Iterator[Client]:
    with _caller("grpcWeb", way, place, "--import", "./browser.mjs") as client:
        yield client


@contextmanager
def _caller(client: str, way: Way, place: Place, *options: str) -> Iterator[Client]:
    arguments = [*options, "caller.ts", client, way.protocol, way.codec, way.http, place.url]
    with subprocess.Popen(
        [found("node"), *arguments],
        cwd=place.workshop,
        env=clean_environment(place.folder) | {"PAGE_ORIGIN": PAGE_ORIGIN},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield _Process(process)
        process.kill()


class _Process:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin
        assert process.stdout
        self._asks, self._answers = process.stdin, process.stdout

    def __call__(self, call: Call) -> Answer:
        told = {"rpc": call.rpc, "message": call.message, "session": call.session, "token": call.token}
        told["timeoutMs"] = call.timeout and call.timeout * 1000
        print(json.dumps(told), file=self._asks, flush=True)
        line = self._answers.readline()
        assert line, "it ended instead of answering, and said why"
        answered = json.loads(line)
        refused = answered["refused"]
        return Answer(answered["messages"], refused and Refused(**refused))
