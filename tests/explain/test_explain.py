from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

from lepton_lab.errors import InputError, MissingExtraError, UnknownNameError
from lepton_lab.events import Event, Progress
from lepton_lab.explain import METHODS, Options, explain
from lepton_lab.runtime import open_rows
from lepton_lab.types import Dataset, Model
from tests.explain.made import linear
from tests.models_fixture import make_of_zoo


def test_auto_goes_by_the_rows_and_the_format(
    cnn: Model, int8_cnn: Model, digits: Dataset, mlp: Model, table: Dataset, tmp_path: Path
) -> None:
    cases = [(cnn, digits, "integrated_gradients"), (int8_cnn, digits, "permutation"), (mlp, table, "permutation")]
    for model, dataset, method in cases:
        assert explain(model, dataset, tmp_path / "v.npy", rows=3).method == method


@pytest.mark.parametrize("method", METHODS)
def test_tables(method: str, mlp: Model, table: Dataset, tmp_path: Path) -> None:
    if method == "grad_cam":
        with pytest.raises(InputError, match="no two-dimensional convolution"):
            explain(mlp, table, tmp_path / "v.npy", method)
        return
    found = explain(mlp, table, tmp_path / "v.npy", method, 4)
    assert found.values.shape[1:] == (3,) and len(found.features) == 3 and not found.pictures
    assert all(row.explains == "label" and len(row.features) == 3 for row in found.rows)


@pytest.mark.parametrize("method", METHODS)
def test_quantised_models(method: str, int8_cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    if METHODS[method].NEEDS_GRADIENTS:
        others = "use permutation, shap_kernel, or explain 'cnn'"
        with pytest.raises(InputError, match=rf"{method} needs gradients, which the \.tflite file .*: {others}"):
            explain(int8_cnn, digits, tmp_path / "v.npy", method)
        assert not (tmp_path / "v.npy").exists()
        return
    found = explain(int8_cnn, digits, tmp_path / "v.npy", method, 4, options=Options(samples=64))
    assert np.isfinite(found.values).all()


def test_rows_at_equal_distances_with_their_labels(cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    found = explain(cnn, digits, tmp_path / "v.npy", "grad_cam", 4, "train")
    _, y = open_rows(digits, "train")
    assert [row.row for row in found.rows] == [0, 400, 799, 1199] and found.source == "digits/train"
    assert [row.label for row in found.rows] == [str(y[row.row]) for row in found.rows]
    assert [caption for caption, _, _ in found.pictures] == [f"row {row.row}: {row.explains}" for row in found.rows]
    assert explain(cnn, digits, tmp_path / "v.npy", "grad_cam").num_rows == METHODS["grad_cam"].ROWS


def test_the_file_and_what_is_said_agree(tmp_path: Path) -> None:
    model, dataset = linear(tmp_path)
    found = explain(model, dataset, tmp_path / "v.npy", "integrated_gradients", 5)
    values = np.load(tmp_path / "v.npy")
    assert found.path == tmp_path / "v.npy" and values.dtype == np.float32
    size = next(feature for feature in found.features if feature.name == "size")
    assert (size.value, size.deviation) == pytest.approx((np.abs(values[:, 0]).mean(), np.abs(values[:, 0]).std()))
    name, value = found.rows[2].features[0]
    assert value == pytest.approx(values[2, dataset.columns.index(name)]) and abs(value) == np.abs(values[2]).max()


def test_tells_how_far_it_is(cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    for method in METHODS:
        heard: list[Event] = []
        explain(cnn, digits, tmp_path / "v.npy", method, 3, options=Options(samples=64), report=heard.append)
        told = [event for event in heard if isinstance(event, Progress)]
        shares = [event.fraction or 0 for event in told]
        assert len(told) >= 3 and shares[0] == 0 and shares[-1] == 1 and shares == sorted(shares)
        assert all(event.task == "explain cnn" and event.message.startswith(method) for event in told)


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("grad_kam", Options(), "no method of explaining 'grad_kam'. Did you mean 'grad_cam'"),
        ("auto", Options(label="ten"), "no class 'ten'"),
        ("auto", Options(baseline="zero"), "no baseline 'zero'. Did you mean 'zeros'"),
        ("auto", Options(steps=0), "steps=0: give at least 1"),
        ("permutation", Options(repeats=0), "repeats=0: give at least 1"),
        ("shap_gradient", Options(samples=0), "samples=0: give at least 1"),
        ("grad_cam", Options(layer="conv"), "no layer that gives maps 'conv'"),
    ],
)
def test_options_that_do_not_do(method: str, options: Options, message: str, digits: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as caught:
        explain(make_of_zoo("cnn"), digits, tmp_path / "v.npy", method, options=options)
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())


def test_models_and_rows_that_do_not_do(
    cnn: Model, digits: Dataset, table: Dataset, mixed: tuple[Model, Dataset], tmp_path: Path
) -> None:
    file = tmp_path / "v.npy"
    with pytest.raises(InputError, match="rows=0: give at least 1"):
        explain(cnn, digits, file, rows=0)
    with pytest.raises(UnknownNameError, match="no split 'held'"):
        explain(cnn, digits, file, split="held")
    with pytest.raises(InputError, match="takes rows of shape"):
        explain(cnn, table, file)
    with pytest.raises(InputError, match=r"several inputs or outputs, and shap_kernel .* one of each: use permutation"):
        explain(*mixed, file, "shap_kernel")
    new = dataclasses.replace(cnn, stage="new")
    with pytest.raises(InputError, match="'cnn' has not been trained: %lepton train cnn --data digits"):
        explain(new, digits, file)
    assert explain(dataclasses.replace(new, kind="added"), digits, file, rows=1).num_rows == 1


@pytest.mark.parametrize("method", ["shap_gradient", "shap_kernel"])
def test_without_shap(
    method: str, cnn: Model, digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "shap", None)  # as Python marks a module that can't be imported
    with pytest.raises(MissingExtraError, match=r"The method shap_\w+ needs .* pip install 'lepton-lab\[explain\]'"):
        explain(cnn, digits, tmp_path / "v.npy", method)
    assert explain(cnn, digits, tmp_path / "v.npy", "grad_cam", 1).num_rows == 1
