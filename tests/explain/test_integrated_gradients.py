from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lepton_lab.errors import InputError
from lepton_lab.explain import Options, _integrated_gradients, explain
from lepton_lab.runtime import open_rows
from lepton_lab.types import Dataset, Explanation, Model, Target
from tests.explain.made import SLOPES, answering, linear
from tests.models_fixture import keras, two_of_zoo

METHOD = "integrated_gradients"


def errors(found: Explanation) -> tuple[float, float]:
    """Sums over the rows: of the errors, and of what should have been found."""
    error = sum(abs(row.error) for row in found.rows if row.error is not None)
    return error, sum(abs(row.score - row.expected) for row in found.rows if row.expected is not None)


@two_of_zoo
def test_complete_to_a_hundredth_and_better_with_more_steps(of_zoo: Model, digits: Dataset, tmp_path: Path) -> None:
    found = [
        explain(of_zoo, digits, tmp_path / "v.npy", METHOD, 16, options=Options(steps=steps)) for steps in (8, 64, 256)
    ]
    shares = [error / wanted for error, wanted in map(errors, found)]
    assert shares[0] > 2 * shares[1] > 3 * shares[2] and shares[2] < 0.01
    values = found[-1].values
    assert values.shape == (16, 8, 8, 1) and values.dtype == np.float32
    for row, own in zip(found[-1].rows, values, strict=True):
        assert row.error == pytest.approx(own.sum() - (row.score - row.expected), abs=1e-4)


def test_of_a_linear_model_each_column_has_its_slope_times_its_distance(tmp_path: Path) -> None:
    model, dataset = linear(tmp_path)
    rows, _ = open_rows(dataset, "test")
    train, _ = open_rows(dataset, "train")
    for baseline, start in (("auto", train.mean(axis=0)), ("mean", train.mean(axis=0)), ("zeros", 0)):
        found = explain(model, dataset, tmp_path / "v.npy", METHOD, 100, options=Options(baseline=baseline, steps=3))
        np.testing.assert_allclose(found.values, SLOPES * (rows - start), atol=1e-4)
    assert found.rows[0].features[0][0] in ("size", "age") and found.explains == "price"
    assert [feature.name for feature in found.features][2:] == ["rooms", "colour"]


def test_batches_do_not_matter(cnn: Model, digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.array(explain(cnn, digits, tmp_path / "a.npy", METHOD, 2).values)
    monkeypatch.setattr(_integrated_gradients, "MOST_GRADIENT_NUMBERS", 64 * 7)
    np.testing.assert_allclose(explain(cnn, digits, tmp_path / "b.npy", METHOD, 2).values, whole, atol=1e-4)


def test_another_class(cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    found = explain(cnn, digits, tmp_path / "v.npy", METHOD, 4, options=Options(label="8"))
    assert {row.explains for row in found.rows} == {"8"}
    assert all(row.score < 0 for row in found.rows if row.label != "8")


def test_a_model_without_gradients_by_its_rows(tmp_path: Path) -> None:
    layer = keras().layers
    head = [layer.Dense(4, "sigmoid"), layer.Embedding(2, 3), layer.Flatten(), layer.Dense(1)]
    model, dataset = answering(head, Target("numbers"), tmp_path)
    with pytest.raises(InputError, match=r"no gradient by its rows .*: use permutation"):
        explain(model, dataset, tmp_path / "v.npy", METHOD)
    assert explain(model, dataset, tmp_path / "v.npy", "permutation").num_rows == 20
