from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.explain import Options, explain
from lepton_lab.explain._grad_cam import find_layer
from lepton_lab.runtime import load_keras
from lepton_lab.types import Dataset, Model, Target
from tests.models_fixture import fit, keras, make_of_zoo, save, write_split

LAYERS = {"cnn": "conv_2", "skip": "block_2_add", "depthwise": "re_lu"}
"""Of the zoo: whose maps are the last that know of places."""


def test_the_zoo(of_zoo: Model, digits: Dataset, tmp_path: Path) -> None:
    if of_zoo.name not in LAYERS:
        with pytest.raises(InputError, match=r"no two-dimensional convolution .* use integrated_gradients"):
            explain(of_zoo, digits, tmp_path / "v.npy", "grad_cam")
        return
    layer = find_layer(load_keras(of_zoo.file), None)
    assert layer.name.startswith(LAYERS[of_zoo.name])
    found = explain(of_zoo, digits, tmp_path / "v.npy", "grad_cam", 6)
    assert found.values.shape == (6, 8, 8) and found.values.min() >= 0 and found.values.max() > 0
    assert f"maps of the layer {layer.name}" in found.notes[0] and len(found.pictures) == 6
    assert all(row.expected is None and row.error is None for row in found.rows)


def quadrants(folder: Path) -> tuple[Model, Dataset]:
    """Bars in the four quadrants of a picture: an upright one at the top left decides, lying ones elsewhere don't."""
    random = np.random.default_rng(0)
    x, y = random.integers(0, 40, (800, 16, 16, 1)), random.integers(0, 2, 800)
    for n, label in enumerate(y):
        for corner in range(4):
            top, left = random.integers(1, 5, 2) + 8 * np.array(divmod(corner, 2))
            height, width = (3, 1) if corner == 0 and label else (1, 3)
            x[n, top : top + height, left : left + width] += 200
    x, target = x.astype("uint8"), Target("classes", classes=("lying", "upright"))
    splits = {"train": 600, "test": 200}
    dataset = Dataset("quadrants", folder / "data", "made up", splits, (16, 16, 1), "uint8", target)
    for split, part in (("train", slice(600)), ("test", slice(600, 800))):
        write_split(dataset.folder / split, x[part], y[part])
    layer = keras().layers
    layers = [
        *(layer.Rescaling(1 / 255), layer.Conv2D(8, 3, padding="same", activation="relu")),
        *(layer.Conv2D(8, 3, padding="same", activation="relu"), layer.GlobalMaxPooling2D()),
        layer.Dense(2, "softmax"),
    ]
    model = fit(layers, x[:600], y[:600], "sparse_categorical_crossentropy", 12, 1e-2)
    return save(model, dataset, folder / "quadrants", "builder"), dataset


def test_the_heat_lies_where_the_answer_is_decided(tmp_path: Path) -> None:
    model, dataset = quadrants(tmp_path)
    found = explain(model, dataset, tmp_path / "v.npy", "grad_cam", 100)
    hot = np.array([row.explains == row.label == "upright" for row in found.rows])
    heat = found.values[hot]
    assert hot.sum() > 30
    shares = heat[:, :8, :8].sum(axis=(1, 2)) / heat.sum(axis=(1, 2))
    assert shares.mean() > 0.8 and shares.min() > 0.5


def test_a_layer_by_name(digits: Dataset, tmp_path: Path) -> None:
    model = make_of_zoo("cnn")
    first, last = (
        np.array(explain(model, digits, tmp_path / "v.npy", "grad_cam", 4, options=Options(layer=layer)).values)
        for layer in ("conv_1", None)
    )
    assert first.shape == last.shape and not np.allclose(first, last)
    with pytest.raises(UnknownNameError, match=r"no layer that gives maps 'conv_3'\. Did you mean 'conv_"):
        explain(model, digits, tmp_path / "v.npy", "grad_cam", options=Options(layer="conv_3"))
    with pytest.raises(UnknownNameError, match="no layer that gives maps 'dense'"):
        explain(model, digits, tmp_path / "v.npy", "grad_cam", options=Options(layer="dense"))


@pytest.mark.parametrize("pooling", [None, "max"])
def test_a_convolution_in_a_model_inside(pooling: str | None, digits: Dataset, tmp_path: Path) -> None:
    """As transfer learning has it: the maps are those that the same model has with its layers side by side."""
    layer, tf_keras = keras().layers, keras()
    tf_keras.utils.set_random_seed(0)
    pool = layer.GlobalMaxPooling2D() if pooling else layer.Flatten()
    parts = [layer.Conv2D(4, 3, name="inside"), layer.ReLU(name="last")]
    inner_rows = tf_keras.Input((8, 8, 1))
    inside = inner_rows
    for part in [*parts, *([pool] if pooling else [])]:
        inside = part(inside)
    head = [tf_keras.Model(inner_rows, inside, name="base"), *([] if pooling else [pool]), layer.Dense(10, "softmax")]
    found = []
    for name, layers in (("nested", head), ("flat", [*parts, pool, head[-1]])):
        rows = tf_keras.Input((8, 8, 1))
        x: Any = layer.Rescaling(1 / 16)(rows)
        for part in layers:
            x = part(x)
        model = save(tf_keras.Model(rows, x), digits, tmp_path / name, "builder")
        assert find_layer(load_keras(model.file), None).name == "last"
        found.append(explain(model, digits, tmp_path / f"{name}.npy", "grad_cam", 5))
    assert "last, 6 x 6" in found[0].notes[0] and found[0].values.max() > 0
    np.testing.assert_allclose(found[0].values, found[1].values, rtol=1e-4, atol=1e-6)
