"""Intervals hold what they promise, on simulated models of which one knows how good they are."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.stats import binom

from lepton_lab.evaluate import _compare
from lepton_lab.evaluate._compare import compare, mcnemar
from lepton_lab.evaluate._metrics import measure
from lepton_lab.types import Difference, Target, Verdict

ABCD = Target("classes", "letter", tuple("abcd"))
TRIALS = 200


def two_models(seed: int, rows: int, skills: tuple[float, float]) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Answers of two models to the same rows, some of which are harder than others for both."""
    random = np.random.default_rng(seed)
    targets = random.integers(0, 4, rows)
    shared = random.normal(size=(rows, 4))
    answers = []
    for skill in skills:
        logits = shared + random.normal(size=(rows, 4))
        logits[np.arange(rows), targets] += skill
        shares = np.exp(logits)
        answers.append(shares / shares.sum(axis=1, keepdims=True))
    return (answers[0], answers[1]), targets


def compared(seed: int, rows: int, skills: tuple[float, float]) -> tuple[tuple[Difference, ...], Verdict]:
    answers, targets = two_models(seed, rows, skills)
    first, second = (measure(own, targets, ABCD) for own in answers)
    return compare(("one", "two"), answers, (first, second), targets, ABCD)


def test_intervals_of_two_equal_models_hold_0_in_about_95_of_100_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_compare, "RESAMPLES", 400)
    held: Counter[str] = Counter()
    called_better = 0
    for seed in range(TRIALS):
        differences, verdict = compared(seed, 250, (1.5, 1.5))
        held.update(d.metric for d in differences if d.low <= 0 <= d.high)
        called_better += verdict.difference.better is not None
    # By chance alone 95 % of 200 trials comes out between 90 % and 98.5 %, but for 1 time in 300 (binomial), and the
    # percentile interval of 250 rows is itself a little too narrow.
    low, high = binom.ppf([0.0015, 0.9985], TRIALS, 0.945)
    assert len(held) == 7 and all(low <= count <= high for count in held.values()), held
    # McNemar's exact test errs in fewer than 5 %.
    assert called_better <= binom.ppf(0.9985, TRIALS, 0.05)


def test_a_better_model_is_found() -> None:
    differences, verdict = compared(1, 2000, (2.0, 1.6))
    assert verdict.difference.metric == "accuracy" and verdict.difference.better == "one"
    assert verdict.only_model > verdict.only_other and verdict.p_value is not None and verdict.p_value < 1e-3
    by_name = {difference.metric: difference for difference in differences}
    assert {by_name[name].better for name in ("loss", "brier", "auc", "f1", "precision", "recall")} == {"one"}
    assert by_name["loss"].high < 0 < by_name["accuracy"].low
    _, swapped = compared(1, 2000, (1.6, 2.0))
    assert swapped.difference.better == "two"


def test_the_true_difference_lies_in_the_interval() -> None:
    answers, targets = two_models(7, 100_000, (2.0, 1.6))
    one, two = (measure(own, targets, ABCD).metrics for own in answers)
    for difference in compared(8, 1000, (2.0, 1.6))[0]:
        truth = one[difference.metric] - two[difference.metric]
        assert difference.low <= truth <= difference.high, difference.metric


def test_the_same_again() -> None:
    assert compared(0, 300, (1.5, 1.4)) == compared(0, 300, (1.5, 1.4))


def test_a_piece_at_a_time_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = compared(0, 300, (1.5, 1.4))
    monkeypatch.setattr(_compare, "_MOST_COUNTS", 300 * 7)
    for piecewise, at_once in zip(compared(0, 300, (1.5, 1.4))[0], whole[0], strict=True):
        assert (piecewise.low, piecewise.high) == pytest.approx((at_once.low, at_once.high), abs=1e-12)


def test_numbers_go_by_the_mean_absolute_error() -> None:
    random, target = np.random.default_rng(0), Target("numbers")
    truth = random.normal(size=500)
    answers = (truth + random.normal(0, 0.3, 500))[:, None], (truth + random.normal(0, 0.5, 500))[:, None]
    first, second = (measure(own, truth, target) for own in answers)
    differences, verdict = compare(("one", "two"), answers, (first, second), truth, target)
    assert {d.better for d in differences} == {"one"} and verdict == Verdict(differences[0])
    assert verdict.difference.metric == "mae" and verdict.difference.high < 0


def test_a_metric_that_one_of_them_lacks() -> None:
    answers, targets = two_models(0, 100, (1.5, 1.5))
    logits = np.log(answers[1])
    first, second = measure(answers[0], targets, ABCD), measure(logits, targets, ABCD)
    differences, _ = compare(("one", "two"), (answers[0], logits), (first, second), targets, ABCD)
    assert [d.metric for d in differences] == ["accuracy", "loss", "auc", "precision", "recall", "f1"]


@pytest.mark.parametrize(
    ("only", "only_other", "p_value"),
    [
        (0, 0, 1.0),
        (5, 0, 2 / 2**5),
        (0, 6, 2 / 2**6),
        (8, 2, 2 * (1 + 10 + 45) / 2**10),
        (4, 4, 1.0),
    ],
)
def test_mcnemar_by_hand(only: int, only_other: int, p_value: float) -> None:
    right = np.array([True] * only + [False] * only_other + [True] * 9 + [False] * 3)
    other = np.array([False] * only + [True] * only_other + [True] * 9 + [False] * 3)
    assert mcnemar(right, other) == (only, only_other, pytest.approx(p_value))


def test_few_rows_that_differ_decide_nothing() -> None:
    # Five rows for one and none for the other: every resample that has one of them says the same, but p is 0.06.
    targets = np.zeros(100, np.int64)
    right, wrong = [0.9, 0.1], [0.1, 0.9]
    target = Target("classes", classes=("a", "b"))
    answers = np.array([right] * 100), np.array([right] * 95 + [wrong] * 5)
    first, second = (measure(own, targets, target) for own in answers)
    differences, verdict = compare(("one", "two"), answers, (first, second), targets, target)
    assert differences[0].metric == "accuracy" and differences[0].low > 0
    assert verdict.difference.better is None and verdict.p_value == pytest.approx(2 / 2**5)
