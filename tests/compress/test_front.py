"""Which models are worth a look, and which one a budget picks."""

from __future__ import annotations

import pytest

from lepton_lab.compress import mark_front, on_front, pick, read_budget, uncertainty
from lepton_lab.types import Measure, Trial


def measured(
    accuracy: float | None, kilobytes: int = 10, microseconds: float = 10.0, metric: str = "accuracy"
) -> Measure:
    return Measure(accuracy, 4000 * kilobytes, 1000 * kilobytes, microseconds * 1e-6, metric=metric)


def test_no_other_is_as_good_and_better_in_one() -> None:
    assert on_front([measured(0.9, 10), measured(0.9, 11), measured(0.8, 5), measured(0.8, 4)]) == (
        True,
        False,
        False,
        True,
    )


def test_equals_are_both_on_it() -> None:
    assert on_front([measured(0.9), measured(0.9)]) == (True, True)


def test_an_error_of_one_of_several_targets_is_better_where_it_is_lower() -> None:
    measures = [measured(2.0, 10, metric="price_mae"), measured(1.0, 10, metric="price_mae")]
    assert on_front(measures) == (False, True) and uncertainty(measures[0], 100) is None
    trials = [Trial(str(n), "", "", one) for n, one in enumerate(measures)]
    picked, why = pick(trials, measures[1], read_budget("mae<+5", "price_mae"))
    assert picked == "1" and "price mae 1" in why
    assert uncertainty(measured(0.9, metric="kind_accuracy"), 100) is not None


def test_only_the_costs_named_count() -> None:
    measures = [measured(0.9, 10, 50.0), measured(0.8, 20, 10.0)]
    assert on_front(measures) == (True, True)
    assert on_front(measures, ("gzip",)) == on_front(measures, ("size",)) == (True, False)


def test_latencies_that_are_nearly_alike_tell_nothing() -> None:
    assert on_front([measured(0.9, 10, 10.5), measured(0.8, 10, 10.0)]) == (True, False)
    assert on_front([measured(0.9, 10, 11.5), measured(0.8, 10, 10.0)]) == (True, True)


def test_a_small_error_is_good() -> None:
    assert on_front([measured(2.5, metric="mae"), measured(2.0, metric="mae")]) == (False, True)


def test_a_trial_that_failed_or_was_not_tried_out_is_not_on_it() -> None:
    measures = (measured(0.9), None, measured(None, 1), measured(0.8, 5), measured(0.8, 6))
    trials = [Trial(f"m{i}", "", "int8", measure) for i, measure in enumerate(measures)]
    assert [trial.is_on_front for trial in mark_front(trials)] == [True, False, False, True, False]


BEFORE = Measure(0.98, 400_000, 360_000, 30e-6)


def trial(name: str, accuracy: float | None, gzip: int, latency: float, metric: str = "accuracy") -> Trial:
    return Trial(name, f"%lepton compress m {name}", "int8", Measure(accuracy, 2 * gzip, gzip, latency, metric=metric))


TRIALS = (
    trial("exact", 0.981, 90_000, 12e-6),
    trial("small", 0.974, 20_000, 12e-6),
    trial("tiny", 0.900, 9_000, 12e-6),
    trial("worse", 0.969, 30_000, 12e-6),
    trial("quick", 0.960, 95_000, 6e-6),
    Trial("failed", "", "", error="it can't be"),
)


@pytest.mark.parametrize(
    ("budget", "picked", "words"),
    [
        ("accuracy>-1", "small", "2 of 5 models are within accuracy>-1; small is the smallest after gzip"),
        ("size<100KB", "small", "small is the most accurate, and of equals the smallest: accuracy 97.40%"),
        ("size<100KB, latency<20us, accuracy>-1", "small", "1 of 5 models are within"),
        ("latency<8us", "quick", "6 us a row"),
        ("accuracy>99", "", "accuracy>99 is not reachable; nearest is exact"),
        ("gzip<5KB, accuracy>-1", "", "nearest is small"),
    ],
)
def test_what_a_budget_picks_and_why(budget: str, picked: str, words: str) -> None:
    found, why = pick(TRIALS, BEFORE, read_budget(budget, "accuracy"))
    assert found == picked and words in why


def test_what_the_nearest_misses_is_named() -> None:
    _, why = pick(TRIALS, BEFORE, read_budget("gzip<15KB, accuracy>-0.1", "accuracy"))
    assert why.endswith(("which misses gzip<15KB, accuracy>-0.1.", "which misses accuracy>-0.1.", "misses gzip<15KB."))


def test_nothing_was_measured() -> None:
    assert pick(TRIALS[-1:], BEFORE, read_budget("size<1KB", "accuracy")) == ("", "No trial could be measured.")


def test_how_well_rows_tell_an_accuracy() -> None:
    assert uncertainty(BEFORE, 10_000) == pytest.approx(0.0027, abs=1e-4)
    assert uncertainty(Measure(1.0, 1, 1, 1.0), 100) == pytest.approx(0.0196, abs=1e-4)
    assert uncertainty(Measure(1.0, 1, 1, 1.0, metric="mae"), 100) is None
