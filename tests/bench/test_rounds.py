"""Medians, their spread, ratios, and how rounds take turns."""

import pytest

from bench.load import Answers
from bench.rounds import Sample, Spread, interleaved, ratios, sampled


def test_the_middle_one_and_the_outermost() -> None:
    assert Spread.of([5.0, 1.0, 3.0]) == Spread(3.0, 1.0, 5.0)
    assert Spread.of([4.0, 1.0, 3.0, 2.0]) == Spread(2.5, 1.0, 4.0)
    assert Spread(1234.56, 1.0, 1e6).shown(1) == "1,234.6 (1.0 to 1,000,000.0)"


@pytest.mark.parametrize(("by_cpu", "expected"), [(True, Spread(0.5, 0.25, 2.0)), (False, Spread(2.0, 1.0, 3.0))])
def test_each_sample_is_held_against_the_one_of_its_round(by_cpu: bool, expected: Spread) -> None:
    own = [sample(10, 100), sample(40, 200), sample(90, 50)]
    against = [sample(10, 400), sample(20, 100), sample(30, 100)]
    assert ratios(own, against, by_cpu=by_cpu) == expected


def test_nothing_is_zero_times_as_fast() -> None:
    assert ratios([sample(1, 1)], [sample(0, 0)]) == Spread(0, 0, 0)


def test_rounds_that_do_not_match_have_no_ratio() -> None:
    with pytest.raises(ValueError, match="longer"):
        ratios([sample(1, 1)], [sample(1, 1)] * 2)


def test_only_good_answers_count_and_all_others_are_told() -> None:
    answers = Answers(requests=100, seconds=2.0, refused=10, failed=3, p50=1.0, p99=2.0, longest=3.0)
    assert sampled(answers, 0.5) == Sample(rate=45.0, per_cpu=180.0, p50=1.0, p99=2.0, lost=13)
    assert sampled(answers, 0.0).per_cpu == 0


def test_all_take_turns_in_changing_order_after_a_warm_up_that_does_not_count() -> None:
    called: list[tuple[str, int]] = []

    def measure_of(name: str):
        def measure(seconds: int) -> Sample:
            called.append((name, seconds))
            return sample(len(called), 1)

        return measure

    samples = interleaved({name: measure_of(name) for name in "ab"}, rounds=3, seconds=7, warm_up=1)
    assert called == [("a", 1), ("b", 1), ("a", 7), ("b", 7), ("b", 7), ("a", 7), ("a", 7), ("b", 7)]
    assert {name: [each.rate for each in found] for name, found in samples.items()} == {"a": [3, 6, 7], "b": [4, 5, 8]}


def sample(rate: float, per_cpu: float) -> Sample:
    return Sample(rate, per_cpu, p50=0, p99=0)
