from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from lepton_lab.errors import InputError
from lepton_lab.explain import Options, _shap_kernel, explain
from lepton_lab.explain._base import Task
from lepton_lab.explain._rows import background
from lepton_lab.types import Dataset, Model
from tests.explain.made import SLOPES, linear
from tests.models_fixture import two_of_zoo, write_split

METHOD = "shap_kernel"


@two_of_zoo
def test_the_zoo_adds_up(of_zoo: Model, digits: Dataset, tmp_path: Path) -> None:
    found = explain(of_zoo, digits, tmp_path / "v.npy", METHOD, 3, options=Options(samples=200))
    assert found.values.shape == (3, 4, 4)
    assert max(abs(row.error) for row in found.rows if row.error is not None) < 1e-4  # float32's digits


def test_of_a_linear_model_the_values_are_exact(tmp_path: Path) -> None:
    model, dataset = linear(tmp_path)
    found = explain(model, dataset, tmp_path / "v.npy", METHOD, 5)
    rows = np.load(dataset.folder / "test" / "x.npy")[[row.row for row in found.rows]]
    behind = background(Task(model, dataset, rows, rows, Options(), None, lambda message, share: None), 10)
    np.testing.assert_allclose(found.values, SLOPES * (rows - behind.mean(axis=0)), atol=1e-3)
    assert found.features[-1].name == "colour" and abs(found.features[-1].value) < 1e-3


def test_any_format_says_much_the_same(cnn: Model, int8_cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    one, two = (
        np.array(explain(model, digits, tmp_path / "v.npy", METHOD, 2, options=Options(label="3")).values)
        for model in (cnn, int8_cnn)
    )
    assert np.corrcoef(one.ravel(), two.ravel())[0, 1] > 0.95


def test_what_is_the_same_everywhere_counts_nothing(cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    for split in digits.splits:
        x, y = (np.load(digits.folder / split / f"{part}.npy")[:50] for part in "xy")
        x[:, :4] = 0
        write_split(tmp_path / split, x, y)
    blind = dataclasses.replace(digits, folder=tmp_path, splits={"train": 50, "test": 50})
    found = explain(cnn, blind, tmp_path / "v.npy", METHOD, 2)
    assert np.abs(found.values[:, :2]).max() == 0 and np.abs(found.values[:, 2:]).max() > 0.1
    for split in digits.splits:
        write_split(tmp_path / split, np.zeros_like(x), y)
    assert np.abs(explain(cnn, blind, tmp_path / "v.npy", METHOD, 1).values).max() == 0


def test_parts_do_not_matter(cnn: Model, digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = Options(samples=100)
    whole = np.array(explain(cnn, digits, tmp_path / "v.npy", METHOD, 1, options=options).values)
    monkeypatch.setattr(_shap_kernel, "AT_ONCE", 640 * 30)
    parts = np.array(explain(cnn, digits, tmp_path / "v.npy", METHOD, 1, options=options).values)
    np.testing.assert_allclose(parts, whole, atol=1e-3)


def test_more_answers_than_anybody_waits_for(cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="would ask for 5,120,000 answers, more than 2,000,000: give fewer --rows"):
        explain(cnn, digits, tmp_path / "v.npy", METHOD, 500, options=Options(samples=1024))


def test_too_few_samples(cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"samples=31 can't tell 4 x 4 patches .*: give at least 32\."):
        explain(cnn, digits, tmp_path / "v.npy", METHOD, 1, options=Options(samples=31))
    found = explain(cnn, digits, tmp_path / "v.npy", METHOD, 1, options=Options(samples=32))
    assert np.isfinite(found.values).all() and abs(found.rows[0].error or 0) < 1e-4
