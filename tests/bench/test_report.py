"""What is said of the numbers, and where it is put."""

from itertools import pairwise
from xml.etree import ElementTree

import pytest

from bench.calls import Key
from bench.machine import ROOT
from bench.page import PAGE, replaced
from bench.plot import chart
from bench.report import calls, judged
from bench.rounds import Sample
from bench.rows import CEILING, COMMIT, PING, PING_ROW, POSTGRESQL, SQLITE, Target

PONG = Key(SQLITE, "Pong", "json")


@pytest.mark.parametrize(
    ("by_cpu", "least", "verdict"), [(True, 0.8, "yes, 0.80"), (True, 0.81, "**no**, 0.80"), (False, 0.5, "yes, 0.50")]
)
def test_a_target_is_reached_or_not(by_cpu: bool, least: float, verdict: str) -> None:
    samples = {PONG: [Sample(50, 80, 1, 1)], Key(SQLITE, PING, "json"): [Sample(100, 100, 1, 1)]}
    told = judged(samples, PONG, Target(PING, {SQLITE: least}, by_cpu=by_cpu))
    assert told == (f"≥ {least:.2f} of Ping", verdict)


def test_what_has_no_codec_is_held_against_both() -> None:
    samples = {PONG: [Sample(50, 80, 1, 1)], Key(SQLITE, COMMIT): [Sample(100, 100, 1, 1)]}
    assert judged(samples, PONG, Target(COMMIT, {SQLITE: 0.9}, by_cpu=False))[1] == "**no**, 0.50"


def test_a_target_without_its_other_row_is_not_called_reached() -> None:
    assert judged({PONG: [Sample(50, 80, 1, 1)]}, PONG, Target(PING, {SQLITE: 0.0}))[1] == "not measured"


def test_the_table_judges_ping_and_tells_what_was_lost() -> None:
    samples = {
        Key(SQLITE, PING, "json"): [Sample(1, 95, 1, 1)],
        Key(SQLITE, CEILING, "json"): [Sample(1, 100, 1, 1)],
        Key(POSTGRESQL, PING, "json"): [Sample(1, 95, 1, 1, lost=3)],
    }
    told = calls(samples)
    assert PING_ROW.targets
    assert f"≥ 0.90 of {CEILING} | yes, 0.95 |" in told
    assert told.endswith("Refused or not answered: PostgreSQL, Ping, json: 3")


def test_a_command_writes_its_own_part_of_the_page_and_no_other() -> None:
    page = "a\n<!-- begin one -->\nold\n<!-- end one -->\nb\n<!-- begin two -->\nkept\n<!-- end two -->\nc\n"
    written = replaced(page, "one", "new")
    assert written == page.replace("\nold\n", "\n\nnew\n\n")
    assert replaced(written, "one", "new") == written


@pytest.mark.parametrize("part", ["make bench", "make bench-peers"])
def test_the_page_has_a_place_for_it(part: str) -> None:
    page = (ROOT / "docs" / PAGE).read_text()
    assert "canary" in replaced(page, part, "canary")
    with pytest.raises(ValueError, match="no part for"):
        replaced(page.replace(f"<!-- end {part} -->", ""), part, "canary")


def test_the_chart_is_well_formed_and_its_labels_do_not_cover_one_another() -> None:
    drawn = ElementTree.fromstring(chart("growth", [1_000, 10_000], {"a": [1, 0.9], "b": [1, 0.9], "c": [1, 0.91]}))  # noqa: S314  our own
    labels = {text.text: float(text.get("y", "0")) for text in drawn.iter() if text.get("text-anchor") == "start"}
    assert sorted(labels, key=lambda label: labels[label]) == ["c 0.91", "a 0.90", "b 0.90"]
    heights = sorted(labels.values())
    assert all(lower - upper >= 17 for upper, lower in pairwise(heights))
