from __future__ import annotations

import warnings

import numpy as np
import pytest

from lepton_lab.errors import InputError
from lepton_lab.evaluate import cross_validation, folds


@pytest.mark.parametrize(
    "targets",
    [
        np.arange(103) % 4,
        np.linspace(0, 1, 103, dtype="float32"),
        np.ones((103, 2), "uint8"),
        np.zeros(103, [("kind", "i8"), ("price", "f4")]),
    ],
)
def test_every_row_is_in_one_fold(targets: np.ndarray) -> None:
    found = folds(targets, 5, seed=1)
    assert sorted(np.concatenate(found).tolist()) == list(range(103))
    assert {len(rows) for rows in found} <= {20, 21} and all((np.diff(rows) > 0).all() for rows in found)


def test_each_fold_has_its_share_of_every_class() -> None:
    targets = np.repeat([0, 1, 2], [100, 50, 10])
    for rows in folds(targets, 5, seed=0):
        assert np.bincount(targets[rows]).tolist() == [20, 10, 2]


def test_of_several_targets_the_first_with_classes_is_shared_out() -> None:
    targets = np.zeros(160, [("price", "f4"), ("kind", "i8"), ("other", "i8")])
    targets["kind"] = np.repeat([0, 1, 2], [100, 50, 10])
    for rows in folds(targets, 5, seed=0):
        assert np.bincount(targets["kind"][rows]).tolist() == [20, 10, 2]


def test_the_seed_decides() -> None:
    targets = np.arange(60) % 3
    first, again, other = folds(targets, 3, 0), folds(targets, 3, 0), folds(targets, 3, 1)
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


def test_a_class_with_few_rows() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = folds(np.array([0] * 20 + [1, 1]), 5, seed=0)
    assert sorted(np.concatenate(found).tolist()) == list(range(22))


@pytest.mark.parametrize(
    ("targets", "k", "words"),
    [
        (np.arange(10) % 2, 1, "k=1 folds of 10 rows: give a number from 2"),
        (np.arange(10.0), 11, "k=11 folds of 10 rows"),
        (np.arange(10) % 5, 4, "no class has more than 2 rows: give at most 2"),
    ],
)
def test_folds_that_can_not_be_cut(targets: np.ndarray, k: int, words: str) -> None:
    with pytest.raises(InputError, match=words):
        folds(targets, k, 0)


def test_the_interval_by_hand() -> None:
    values = [0.90, 0.92, 0.88, 0.91, 0.89]
    metrics = [{"accuracy": value, "loss": 1 - value, **({"auc": 1.0} if n else {})} for n, value in enumerate(values)]
    found = cross_validation("m", "d", metrics, [20] * 5)
    accuracy = found.summaries[0]
    # s^2 = 0.00025; corrected by 1/5 + 20/80; t of 4 degrees of freedom at 97.5 % is 2.776445.
    half = 2.776445 * (0.00025 * (1 / 5 + 20 / 80)) ** 0.5
    assert (accuracy.mean, accuracy.deviation) == pytest.approx((0.90, 0.00025**0.5))
    assert (accuracy.low, accuracy.high) == pytest.approx((0.90 - half, 0.90 + half))
    assert [summary.metric for summary in found.summaries] == ["accuracy", "loss"]  # one fold has no auc


@pytest.mark.parametrize(
    ("metric", "values", "low", "high"),
    [
        ("price_r2", [0.99, 0.2, 0.95], None, 1.0),
        ("accuracy", [1.0, 0.5, 0.9], None, 1.0),
        ("mae", [0.1, 4.0], 0.0, None),
    ],
)
def test_the_interval_ends_where_the_metric_does(
    metric: str, values: list[float], low: float | None, high: float | None
) -> None:
    summary = cross_validation("m", "d", [{metric: value} for value in values], [20] * len(values)).summaries[0]
    assert low is None or summary.low == low
    assert high is None or summary.high == high
    assert summary.low < summary.mean < summary.high


def test_the_interval_holds_where_folds_share_their_training_rows() -> None:
    # A nearest-mean classifier on 60 rows, 5 folds, against its accuracy on 20,000 rows when trained on 48. The plain
    # interval (1/k) is too narrow; the corrected one must hold in 90 % of the trials at least.
    random = np.random.default_rng(0)
    large_y = random.integers(0, 2, 20_000)
    large_x = random.normal(size=(20_000, 5)) + 0.5 * large_y[:, None]

    def right(rows: np.ndarray, y: np.ndarray, x: np.ndarray, truth: np.ndarray) -> float:
        means = np.stack([rows[y == n].mean(axis=0) for n in range(2)])
        return float((((x[:, None] - means) ** 2).sum(axis=2).argmin(axis=1) == truth).mean())

    held = plain = 0
    for _ in range(150):
        y = random.permutation(np.arange(60) % 2)
        x = random.normal(size=(60, 5)) + 0.5 * y[:, None]
        cut = folds(y, 5, 0)
        others = [np.setdiff1d(np.arange(60), rows) for rows in cut]
        scores = [{"a": right(x[o], y[o], x[r], y[r])} for r, o in zip(cut, others, strict=True)]
        summary = cross_validation("m", "d", scores, [len(rows) for rows in cut]).summaries[0]
        truth = right(x[others[0]], y[others[0]], large_x, large_y)
        held += summary.low <= truth <= summary.high
        half = (summary.high - summary.mean) * (0.2 / 0.45) ** 0.5
        plain += abs(truth - summary.mean) <= half
    assert held >= 0.9 * 150 and plain < held
