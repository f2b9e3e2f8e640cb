"""Models of Keras 3, run, converted and explained as what they are, held against Keras 3 itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton_lab.compress import inspect_layers, preflight, quantize
from lepton_lab.errors import ConversionError
from lepton_lab.explain import explain
from lepton_lab.explain._base import Options
from lepton_lab.export import export
from lepton_lab.runtime import Interpreter, import_keras3, load_keras, predict, to_tflite
from lepton_lab.train._adopt import adopt_path
from lepton_lab.types import Dataset, Model
from tests.models_fixture import quantised
from tests.native import make_native


@pytest.fixture(scope="module")
def native(digits: Dataset) -> Model:
    return make_native()


@pytest.fixture(scope="module")
def rows(digits: Dataset) -> Any:
    return np.load(digits.folder / "test" / "x.npy")[:32]


def test_answers_as_keras_itself_does(native: Model, rows: Any) -> None:
    expected = import_keras3().models.load_model(native.file).predict(rows.astype("float32"), verbose=0)
    assert np.abs(predict(native.file, rows) - expected).max() < 1e-6


@pytest.mark.parametrize("format", ["keras", "tflite", "saved_model", "onnx"])
def test_is_exported_and_answers_alike(native: Model, digits: Dataset, tmp_path: Path, format: str) -> None:
    suffix = "" if format == "saved_model" else f".{format}"
    bundle = export(native, format, tmp_path / f"it{suffix}", digits, rows=32)
    manifest = json.loads(bundle.manifest.read_text())
    assert bundle.agreement.max_difference < 1e-5
    assert manifest["versions"]["keras"] and manifest["outputs"][0]["name"] == "digit"
    if format == "saved_model":  # which becomes the same Keras 3 model again
        (folder := tmp_path / "back").mkdir()
        rows = np.load(digits.folder / "test" / "x.npy")[:32]
        assert adopt_path(folder, bundle.path).library == "keras"
        assert np.array_equal(predict(folder / "model.keras", rows), predict(native.file, rows))


def test_layers_are_told_by_their_names(native: Model, digits: Dataset) -> None:
    names = [layer.name for layer in inspect_layers(native).layers]
    assert names == ["conv2d", "batch_normalization", "frozen", "hidden", "digit"]


def test_is_quantised(native: Model, digits: Dataset, tmp_path: Path) -> None:
    done = quantize(native, quantised(native, "int8", tmp_path / "native-int8"), digits)
    assert done.after.accuracy > done.before.accuracy - 0.03
    assert dict(done.layers)["hidden"] == "weights int8, activations int8"


def test_what_other_techniques_would_do(native: Model) -> None:
    settings = {"sparsity": 0.5, "schedule": "polynomial", "m_by_n": None}
    plan = dict(preflight(native, "prune", settings).layers)
    assert plan["hidden"] == "will have 50% zeros" and plan["frozen"] == "Conv2D is frozen"
    settings = {"student": "", "width": 0.5, "temperature": 4.0, "alpha": 0.5}
    with pytest.raises(ConversionError, match="name a --student instead"):  # the slice keeps its width
        preflight(native, "distill", settings)
    with pytest.raises(ConversionError, match="one of Keras 3, and quantisation-aware training needs tf_keras"):
        preflight(native, "qat", {})


@pytest.mark.parametrize("method", ["integrated_gradients", "grad_cam", "shap_gradient"])
def test_is_explained(native: Model, digits: Dataset, tmp_path: Path, method: str) -> None:
    found = explain(native, digits, tmp_path / "it.npy", method, rows=2, options=Options(steps=256, samples=64))
    values = np.load(tmp_path / "it.npy")
    assert np.isfinite(values).all() and np.abs(values).max() > 0
    if method == "integrated_gradients":
        for row, value in zip(found.rows, values, strict=True):
            assert abs(value.sum() - (row.score - row.expected)) < 0.01 * abs(row.score - row.expected) + 0.05


def test_a_masked_layer_that_goes_backwards_is_refused(tmp_path: Path) -> None:
    keras = import_keras3()
    layers = keras.layers
    steps = np.random.default_rng(0).normal(size=(5, 4, 3)).astype("float32")
    for is_masked in (False, True):
        masks = [layers.Masking()] if is_masked else []
        lstm = layers.Bidirectional(layers.LSTM(2))
        keras.Sequential([keras.Input((4, 3)), *masks, lstm, layers.Dense(2)]).save(tmp_path / "it.keras")
        model = load_keras(tmp_path / "it.keras")
        if is_masked:
            with pytest.raises(ConversionError, match="doesn't reverse the mask"):
                to_tflite(model)
            continue
        (tmp_path / "it.tflite").write_bytes(to_tflite(model))
        assert np.abs(Interpreter(tmp_path / "it.tflite").run(steps) - model(steps).numpy()).max() < 1e-6
