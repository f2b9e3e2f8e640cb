from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton_lab.errors import InputError
from lepton_lab.explain import Options, _permutation, _units, explain
from lepton_lab.runtime import open_rows, predict
from lepton_lab.types import Dataset, Model, Target, fields, records
from tests.explain.made import answering, linear
from tests.models_fixture import keras, write_split

METHOD = "permutation"


def test_as_scikit_learn_measures_it(mlp: Model, table: Dataset, tmp_path: Path) -> None:
    from sklearn.base import BaseEstimator, RegressorMixin
    from sklearn.inspection import permutation_importance

    class Estimator(RegressorMixin, BaseEstimator):  # type: ignore[misc]
        """The model as scikit-learn takes one."""

        def fit(self, x: Any, y: Any) -> Estimator:
            return self

        def predict(self, x: Any) -> Any:
            return predict(mlp.file, x)[:, 0]

    rows, y = open_rows(table, "test")
    theirs = permutation_importance(
        Estimator(), np.asarray(rows), np.asarray(y), scoring="neg_mean_absolute_error", n_repeats=20, random_state=0
    )
    found = explain(mlp, table, tmp_path / "v.npy", METHOD, options=Options(repeats=20))
    assert found.values.shape == (20, 3) and found.explains == "mae" and not found.rows
    error = np.hypot(theirs.importances_std, found.values.std(axis=0)) / np.sqrt(20)
    assert (np.abs(found.values.mean(axis=0) - theirs.importances_mean) < 4 * error).all()
    order = [f"column {n}" for n in np.argsort(-theirs.importances_mean)]
    assert [feature.name for feature in found.features] == order


def test_a_column_that_the_model_does_without(tmp_path: Path) -> None:
    model, dataset = linear(tmp_path)
    found = explain(model, dataset, tmp_path / "v.npy", METHOD)
    assert [feature.name for feature in found.features] == ["size", "age", "rooms", "colour"]
    assert found.features[-1].value == 0 and (found.values[:, :2] > 1).all()
    assert "by how much mae grows" in str(found) and "4 columns, 5 shuffles of each" in str(found)


def test_several_inputs_and_targets(mixed: tuple[Model, Dataset], tmp_path: Path) -> None:
    model, dataset = mixed
    found = explain(model, dataset, tmp_path / "v.npy", options=Options(repeats=3))
    rows, y = open_rows(dataset, "test")
    parts = fields(rows)
    units = sum(int(np.prod(_units.units(part.shape[1:])[1])) for part in parts.values())
    assert (found.method, found.explains, found.values.shape) == (METHOD, "kind_accuracy", (3, units))
    order = np.argsort(-found.values.mean(axis=0), kind="stable")
    assert {feature.name.partition(", ")[0] for feature in found.features} <= {"image", "table"}
    # the first column of the table by hand: it stands behind the picture's patches
    first = units - parts["table"].shape[1]
    name = "table, column 0"
    assert (name in [feature.name for feature in found.features]) == (first in order[:10])
    kind = fields(y)["kind"]
    right = (fields(predict(model.file, rows))["kind"].argmax(axis=1) == kind).mean()
    random = np.random.default_rng(1)
    drops = []
    for _ in range(20):
        table = parts["table"].copy()
        table[:, 0] = random.permutation(table[:, 0])
        answers = fields(predict(model.file, records({**parts, "table": table})))["kind"]
        drops.append(right - (answers.argmax(axis=1) == kind).mean())
    error = np.hypot(np.std(drops), found.values[:, first].std()) / np.sqrt(3)
    assert abs(np.mean(drops) - found.values[:, first].mean()) < 4 * error + 0.01


def test_patches_of_pictures_and_any_format(cnn: Model, int8_cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    one, two = (
        explain(model, digits, tmp_path / f"{model.name}.npy", METHOD, 300, options=Options(repeats=3))
        for model in (cnn, int8_cnn)
    )
    assert one.values.shape == two.values.shape == (3, 4, 4) and one.explains == "accuracy"
    np.testing.assert_allclose(one.values.mean(axis=0), two.values.mean(axis=0), atol=0.05)
    middle, edge = one.values[:, 1:3, 1:3].mean(), one.values[:, :, 0].mean()
    assert middle > 0.05 > 0.02 > edge
    assert len(one.pictures) == 1 and one.pictures[0][0] == "mean of 300 rows"


def test_the_seed_decides_and_the_parts_do_not_matter(
    cnn: Model, digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def values(seed: int) -> Any:
        options = Options(repeats=2, seed=seed)
        return np.array(explain(cnn, digits, tmp_path / "v.npy", METHOD, 100, options=options).values)

    whole = values(1)
    assert not np.array_equal(values(2), whole)
    monkeypatch.setattr(_permutation, "AT_ONCE", 3 * 100 * 64)
    np.testing.assert_array_equal(values(1), whole)


def test_labels(tmp_path: Path) -> None:
    target = Target("labels", classes=("left", "right"))
    model, dataset = answering([keras().layers.Dense(2, "sigmoid")], target, tmp_path)
    for split in dataset.splits:  # true is what the model says
        rows, _ = open_rows(dataset, split)
        write_split(tmp_path / "own" / split, rows, (predict(model.file, rows) > 0.5).astype("uint8"))
    found = explain(model, dataclasses.replace(dataset, folder=tmp_path / "own"), tmp_path / "v.npy", METHOD)
    assert found.explains == "binary_accuracy" and "binary_accuracy without any: 1.0000" in found.notes[0]
    assert found.values.max() > 0 and found.values.min() >= 0


def test_a_single_row_can_not_be_shuffled(cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="among rows, and came with 1: give --rows more"):
        explain(cnn, digits, tmp_path / "v.npy", METHOD, 1)
