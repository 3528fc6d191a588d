"""What goes to wrk and what comes back."""

from math import inf
from pathlib import Path

import pytest

from bench.load import Answers, Load, answers_in, http_request, write_requests

PRINTED = """Running 3s test @ http://127.0.0.1:8000
  1 threads and 16 connections
Requests/sec:  1234.56

{"requests": 3000, "microseconds": 1500000, "refused": 30, "failed": 2, "p50": 1500, "p99": 25000, "max": 90000}
"""


def test_the_last_line_has_the_numbers() -> None:
    assert answers_in(PRINTED) == Answers(3000, 1.5, 30, 2, p50=1.5, p99=25.0, longest=90.0)


def test_what_was_refused_is_no_good_answer() -> None:
    assert answers_in(PRINTED).rate == 1980.0


def test_where_nothing_was_answered_the_wait_has_no_end() -> None:
    nothing = '{"requests": 0, "microseconds": 3000000, "refused": 0, "failed": 0, "p50": 0, "p99": 0, "max": 0}'
    assert answers_in(nothing) == Answers(0, 3.0, 0, 0, p50=inf, p99=inf, longest=inf)


@pytest.mark.parametrize("printed", ["", "unable to connect to 127.0.0.1:8000 Connection refused\n", "12\n"])
def test_without_numbers_it_is_an_error(printed: str) -> None:
    with pytest.raises(ValueError, match=r"wrk did not end|Expecting value"):
        answers_in(printed)


def test_each_run_goes_on_behind_what_the_last_one_may_have_sent() -> None:
    load = Load("http://127.0.0.1:8000", Path("file"), connections=16)
    assert load.command(3)[-1] == "0"
    load.took(PRINTED)
    assert load.command(3)[-1] == str(3000 + 16 + 1)


def test_a_pause_comes_last() -> None:
    load = Load("http://127.0.0.1:8000", Path("file"), pause=20)
    assert load.command(3)[-3:] == ["file", "0", "20"]


def test_requests_are_whole_and_stand_behind_their_length(tmp_path: Path) -> None:
    post = http_request("/a.B/C", b"{}\n", "application/json", "Cookie: a=b\r\n")
    get = http_request("/ping", b"", "application/json", method="GET")
    assert post == (
        b"POST /a.B/C HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: a=b\r\n"
        b"Content-Type: application/json\r\nContent-Length: 3\r\n\r\n{}\n"
    )
    assert get == b"GET /ping HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    write_requests(tmp_path / "requests", [post, get])
    assert (tmp_path / "requests").read_bytes() == b"%d\n%b%d\n%b" % (len(post), post, len(get), get)
