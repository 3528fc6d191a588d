"""How the console is served: which paths, by which verbs, with which headers, and what is left to the front."""

import gzip
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from structlog.testing import capture_logs

from app.console import build
from app.console.build import ASSETS
from app.main import create_app
from tests.rpc.asgi import PING, Reply, call
from tests.rpc.test_front import SAME_EVERYWHERE
from tests.support.service import settings_for

FILES = build("Gatepost")
LASTING = sorted(path for path in FILES if path != "/")
FOR_EVER = "public, max-age=31536000, immutable"
PAGE_LOAD = {"sec-fetch-site": "cross-site", "sec-fetch-dest": "document", "sec-fetch-mode": "navigate"}
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "lit-html",
}


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize("https", [False, True])
async def test_every_file_comes_with_the_headers_of_the_console(path: str, https: bool, tmp_path: Path) -> None:
    """ASVS 3.4: whatever the verb or the condition; and none of the headers that are for RPCs."""
    served = app(tmp_path, public_url="https://gatepost.example" if https else "")
    tag = (await get(served, path))["etag"]
    answers = [
        await get(served, path),
        await get(served, path, method="HEAD"),
        await get(served, path, {"if-none-match": tag}),
        await get(served, path, method="POST"),
    ]
    assert [each.status for each in answers] == [200, 200, 304, 405]
    for answer in answers:
        policy = dict(rule.split(" ", 1) for rule in (answer["content-security-policy"] or "").split("; "))
        assert policy == POLICY
        assert answer["x-content-type-options"] == "nosniff"
        assert answer["referrer-policy"] == "no-referrer"
        assert answer["cross-origin-opener-policy"] == "same-origin"
        assert answer["cross-origin-resource-policy"] == "same-origin"
        assert answer["vary"] == "Accept-Encoding"
        assert answer["strict-transport-security"] == ("max-age=63072000; includeSubDomains" if https else None)
        assert answer["set-cookie"] is None


async def test_the_page_is_asked_for_anew_and_its_files_are_kept(served: Starlette) -> None:
    assert len(LASTING) == 3
    page = await get(served, "/")
    assert (page["cache-control"], page["content-type"]) == ("no-cache", "text/html; charset=utf-8")
    types = []
    for path in LASTING:
        answer = await get(served, path)
        assert answer["cache-control"] == FOR_EVER
        types.append(answer["content-type"])
    assert sorted(types) == ["image/svg+xml", "text/css; charset=utf-8", "text/javascript; charset=utf-8"]


@pytest.mark.parametrize("path", FILES)
async def test_a_copy_that_is_current_is_not_sent_again(path: str, served: Starlette) -> None:
    tag = (await get(served, path))["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = await get(served, path, {"if-none-match": known})
        assert (answer.status, answer.body, answer["etag"]) == (304, b"", tag)
    assert (await get(served, path, {"if-none-match": '"other"'})).status == 200


@pytest.mark.parametrize("path", FILES)
async def test_head_tells_what_get_would_and_sends_nothing(path: str, served: Starlette) -> None:
    for headers in ({}, {"accept-encoding": "gzip"}):
        head, got = await get(served, path, headers, method="HEAD"), await get(served, path, headers)
        assert (head.status, head.headers, head.body) == (200, got.headers, b"")
        assert got["content-length"] == str(len(got.body))


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize(
    ("accepted", "zipped"),
    [
        ("gzip", True),
        ("br, GZIP ;q=0.5", True),
        ("deflate,gzip", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("br", False),
        ("identity", False),
        (None, False),
    ],
)
async def test_whoever_takes_gzip_gets_it(path: str, accepted: str | None, zipped: bool, served: Starlette) -> None:
    plain, answer = await get(served, path), await get(served, path, {"accept-encoding": accepted})
    assert answer["content-encoding"] == ("gzip" if zipped else None)
    assert (gzip.decompress(answer.body) if zipped else answer.body) == plain.body
    assert (answer["etag"] == plain["etag"]) is not zipped, "the bytes differ, so a strong tag must too"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
async def test_no_other_verb(method: str, served: Starlette) -> None:
    for path in FILES:
        answer = await get(served, path, {"origin": "http://127.0.0.1:8000"}, method=method)
        assert (answer.status, answer["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "path", ["/index.html", "/assets", "/assets/", "/assets/index.html", "/assets/../", "//", "/favicon.ico", "/tokens"]
)
async def test_other_paths_are_the_front_s(path: str, served: Starlette) -> None:
    with capture_logs() as logs:
        answer = await get(served, path)
    assert (answer.status, answer.reason) == (404, "UNIMPLEMENTED")
    assert {name: answer[name] for name in SAME_EVERYWHERE} == SAME_EVERYWHERE
    assert [line["event"] for line in logs] == ["refused"]


async def test_a_link_from_elsewhere_opens_the_page_but_no_rpc(served: Starlette) -> None:
    assert (await get(served, "/", PAGE_LOAD)).status == 200
    for site in ("cross-site", "same-origin"):
        refused = await call(served, {**PAGE_LOAD, "sec-fetch-site": site}, path=PING)
        assert (refused.status, refused.reason) == (403, "ORIGIN_NOT_ALLOWED")
        assert {name: refused[name] for name in SAME_EVERYWHERE} == SAME_EVERYWHERE


async def test_another_name_of_the_service_stands_on_the_page(tmp_path: Path) -> None:
    other = app(tmp_path, service_name='Brown\'s "<script>"')
    page = await get(other, "/")
    title, name = _said_by(page.body.decode())
    assert title == name == 'Brown\'s "<script>"'
    assert page["etag"] != (await get(app(tmp_path), "/"))["etag"]


async def test_switched_off_every_path_is_the_front_s(tmp_path: Path) -> None:
    off = app(tmp_path, console="off")
    for path in FILES:
        answer, unknown = await get(off, path), await get(off, "/nowhere")
        assert (answer.status, answer.headers, answer.body) == (404, unknown.headers, unknown.body)


def test_without_a_build_there_is_no_console(tmp_path: Path) -> None:
    assert build("Gatepost", tmp_path) == {}
    assert build("Gatepost", tmp_path / "missing") == {}
    assert build("Gatepost", ASSETS) == FILES


def app(folder: Path, **changes: Any) -> Starlette:
    """The service, of which nothing is started: the console wants neither database nor worker."""
    return create_app(settings_for(folder, **changes))


@pytest.fixture
def served(tmp_path: Path) -> Starlette:
    return app(tmp_path)


async def get(served: Starlette, path: str, headers: dict[str, str | None] = {}, *, method: str = "GET") -> Reply:  # noqa: B006
    return await call(
        served, {"content-type": None, "content-length": None, **headers}, path=path, method=method, body=b""
    )


def _said_by(page: str) -> tuple[str, str]:
    """The title of a page, and the name that it says the application has."""

    class Reader(HTMLParser):
        title = name = ""
        within = ""

        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            self.within = tag
            if dict(attributes).get("name") == "application-name":
                self.name = dict(attributes)["content"] or ""

        def handle_data(self, data: str) -> None:
            self.title += data if self.within == "title" else ""

        def handle_endtag(self, tag: str) -> None:
            self.within = ""

    reader = Reader()
    reader.feed(page)
    return reader.title, reader.name
