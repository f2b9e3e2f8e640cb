"""Metrics of many resamples at once, held against those of one resample after the other."""

from __future__ import annotations

import numpy as np
import pytest

from lepton_lab.evaluate._metrics import measure
from lepton_lab.evaluate._resampled import resampled
from lepton_lab.types import Target
from tests.evaluate.test_metrics import ABC, NO_YES, TAGS, softmax_answers

_RANDOM = np.random.default_rng(3)
_LETTERS, _ANSWERS, _NUMBERS = _RANDOM.integers(0, 3, 80), _RANDOM.integers(0, 2, 80), _RANDOM.normal(size=(80, 2))
_RARE = np.array([0] * 78 + [1, 2])
_TAGS = (_RANDOM.random((80, 3)) < [0.1, 0.5, 0.9]).astype("uint8")


@pytest.mark.parametrize(
    ("answers", "targets", "target"),
    [
        (softmax_answers(_LETTERS, 3), _LETTERS, ABC),
        (np.round(softmax_answers(_LETTERS, 3), 1), _LETTERS, ABC),  # many scores are equal
        (softmax_answers(_RARE, 3), _RARE, ABC),  # many a resample lacks a class
        (softmax_answers(_ANSWERS, 2)[:, 1:], _ANSWERS, NO_YES),
        (softmax_answers(_LETTERS, 3) * 9 - 4, _LETTERS, ABC),  # no probabilities
        (np.clip(_TAGS * 0.3 + _RANDOM.random((80, 3)) * 0.7, 0, 1), _TAGS, TAGS),
        (_NUMBERS[:, :1] + 0.3, _NUMBERS[:, 0] ** 2, Target("numbers")),
        (_NUMBERS + _RANDOM.normal(size=(80, 2)), _NUMBERS, Target("numbers", width=2)),
        (_NUMBERS[:79], _NUMBERS[:79] + np.array([0.5, 1]), Target("numbers", width=2)),  # an odd number of rows
        (_NUMBERS[:2], _NUMBERS[:2] * [[2, 0]], Target("numbers", width=2)),  # one that never varies, one that may
    ],
)
def test_as_if_the_rows_were_there(answers: np.ndarray, targets: np.ndarray, target: Target) -> None:
    drawn = [np.random.default_rng(seed).integers(0, len(targets), len(targets)) for seed in range(20)]
    counts = np.stack([np.bincount(rows, minlength=len(targets)) for rows in drawn], axis=1).astype("float64")
    found = resampled(answers, targets, target)(counts)
    seen = set()
    for n, rows in enumerate(drawn):
        expected = measure(answers[rows], targets[rows], target).metrics
        for name, values in found.items():
            if name in expected:
                seen.add(name)
                assert values[n] == pytest.approx(expected[name], abs=1e-9), name
            else:  # a resample without what the metric needs
                assert np.isnan(values[n]), name
    assert seen >= set(measure(answers, targets, target).metrics) - {"calibration_error"}
