from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lepton_lab.explain import Options, _shap_gradient, explain
from lepton_lab.explain._base import Task
from lepton_lab.explain._rows import background
from lepton_lab.types import Dataset, Model
from tests.explain.made import SLOPES, linear
from tests.models_fixture import two_of_zoo

METHOD = "shap_gradient"


def share_of_error(model: Model, dataset: Dataset, file: Path, samples: int) -> float:
    found = explain(model, dataset, file, METHOD, 8, options=Options(samples=samples))
    errors = [(row.error, row.score - row.expected) for row in found.rows if None not in (row.error, row.expected)]
    assert len(errors) == 8 and found.values.shape == (8, 8, 8, 1)
    return float(np.sqrt(sum(error**2 for error, _ in errors) / sum(wanted**2 for _, wanted in errors)))


@two_of_zoo
def test_complete_but_for_chance(of_zoo: Model, digits: Dataset, tmp_path: Path) -> None:
    """A row's error is that of a mean of `samples` numbers drawn by chance, which deviate about as much as they sum to.

    At 1024 samples that is a share of 1 / sqrt(1024) = 3 %, here allowed thrice, and less than at 64 samples.
    """
    few, many = (share_of_error(of_zoo, digits, tmp_path / "v.npy", samples) for samples in (64, 1024))
    assert many < 3 / np.sqrt(1024) and many < few


def test_of_a_linear_model_each_column_has_its_slope_times_its_distance_from_the_mean(tmp_path: Path) -> None:
    model, dataset = linear(tmp_path)
    found = explain(model, dataset, tmp_path / "v.npy", METHOD, 5, options=Options(samples=2000))
    rows = np.load(dataset.folder / "test" / "x.npy")[[row.row for row in found.rows]]
    behind = background(Task(model, dataset, rows, rows, Options(), None, lambda message, share: None), 100)
    np.testing.assert_allclose(found.values, SLOPES * (rows - behind.mean(axis=0)), atol=0.3)
    assert found.rows[0].expected == pytest.approx((behind @ SLOPES + 1).mean(), abs=1e-4)
    assert np.abs(found.values[:, 3]).max() == 0  # the model doesn't look at it


def test_parts_that_fit_into_memory(
    cnn: Model, digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = np.array(explain(cnn, digits, tmp_path / "v.npy", METHOD, 2).values)
    monkeypatch.setattr(_shap_gradient, "AT_ONCE", 100 * 64)
    parts = np.array(explain(cnn, digits, tmp_path / "v.npy", METHOD, 2).values)
    assert np.corrcoef(whole.ravel(), parts.ravel())[0, 1] > 0.97


def test_the_seed_decides(cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    one, again, other = (
        np.array(explain(cnn, digits, tmp_path / "v.npy", METHOD, 2, options=Options(seed=seed)).values)
        for seed in (0, 0, 1)
    )
    np.testing.assert_allclose(one, again, rtol=1e-3, atol=1e-4)
    assert not np.allclose(one, other, atol=1e-2)
