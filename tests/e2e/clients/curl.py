"""curl, as a person types it: Connect with JSON, a cookie jar, and streams in envelopes."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.clients.call import Answer, Call, Client, Place, Way, refused_in_json
from tests.e2e.clients.methods import is_stream
from tests.e2e.programs import run
from tests.e2e.streams import StreamError, envelope, messages

_VERSION = {"1.1": "--http1.1", "2": "--http2-prior-knowledge"}


@contextmanager
def curl(way: Way, place: Place) -> Iterator[Client]:
    def answer(call: Call) -> Answer:
        sent = json.dumps(call.message).encode()
        if is_stream(call.rpc):
            arguments, sent = _arguments(call, "application/connect+json"), envelope(sent)
        else:
            arguments = _arguments(call, "application/json")
        url = f"{place.url}/{call.rpc}"
        ran = run("curl", _VERSION[way.http], *arguments, url, folder=place.folder, stdin=sent)
        assert ran.status == 0, ran.stderr
        return (_stream if is_stream(call.rpc) else _unary)(place.folder / "body")

    yield answer


def _arguments(call: Call, content_type: str) -> list[str]:
    headers = [f"content-type: {content_type}"]
    if call.token:
        headers.append(f"authorization: Bearer {call.token}")
    if call.timeout:
        headers.append(f"connect-timeout-ms: {call.timeout * 1000:.0f}")
    jar = ["-b", "jar", "-c", "jar"] if call.session else []
    return ["-sS", "-o", "body", "--data-binary", "@-", *jar, *(part for each in headers for part in ("-H", each))]


def _unary(body: Path) -> Answer:
    message = json.loads(body.read_bytes())
    return Answer(refused=refused_in_json(message)) if "code" in message else Answer([message])


def _stream(body: Path) -> Answer:
    found = Answer()
    with body.open("rb") as read:
        try:
            for message in messages(read.read):
                found.messages.append(json.loads(message))
        except StreamError as ended:
            return Answer(found.messages, refused_in_json(ended.error))
    return found
