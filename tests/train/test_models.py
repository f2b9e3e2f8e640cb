"""Models from the family, from a cell, and brought in from tf_keras and Keras 3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton_lab import forkserver
from lepton_lab.errors import InputError, LeptonError, UserCodeError
from lepton_lab.types import Scaling, Target

HERE = f"{__name__}:"


def make(function: str, folder: Path, **arguments: Any) -> Any:
    return forkserver.call(f"lepton_lab.train._models:{function}", {"folder": folder, **arguments})


def answers(file: Path, rows: Any) -> Any:
    """What a file's model says to rows."""
    import tf_keras

    return tf_keras.models.load_model(file, compile=False).predict(rows, verbose=0)


def adopt_a_keras3_model(folder: Path, kind: str) -> tuple[Any, Any]:
    """Make a Keras 3 model of `kind`, bring it over; returns both models' answers to the same rows."""
    import keras
    import tf_keras

    from lepton_lab.train._models import adopt_config, adopt_file

    keras.utils.set_random_seed(0)
    layers = keras.layers
    inputs = keras.Input((8, 8, 1))
    if kind == "sequential":
        model = keras.Sequential(
            [
                inputs,
                layers.Conv2D(4, 3),
                layers.BatchNormalization(),
                layers.ReLU(),
                layers.Flatten(),
                layers.Dropout(0.2),
                layers.Dense(10, activation="softmax"),
            ]
        )
    else:
        left = layers.Conv2D(4, 3, padding="same", kernel_regularizer="l2")(inputs)
        right = layers.DepthwiseConv2D(3, padding="same")(layers.Conv2D(4, 1)(inputs))
        both = layers.GlobalAveragePooling2D()(layers.Concatenate()([layers.Add()([left, right]), left]))
        model = keras.Model(inputs, layers.Dense(10, activation="softmax")(both))
    rows = np.random.default_rng(0).random((5, 8, 8, 1), np.float32)
    if kind == "file":
        model.save(folder / "there.keras")
        adopt_file(folder, folder / "there.keras")
    else:
        config = {"class_name": type(model).__name__, "config": model.get_config()}
        adopt_config(folder, config, {layer.name: layer.get_weights() for layer in model.layers}, is_keras3=True)
    ours = tf_keras.models.load_model(folder / "model.keras", compile=False)
    return model.predict(rows, verbose=0), ours.predict(rows, verbose=0)


@pytest.mark.parametrize(
    ("kind", "shape"), [("cnn", (8, 8, 1)), ("cnn", (28, 28, 3)), ("mlp", (8, 8, 1)), ("mlp", (5,))]
)
def test_family(tmp_path: Path, kind: str, shape: tuple[int, ...]) -> None:
    made = make(
        "make_family",
        tmp_path,
        kind=kind,
        input_shape=shape,
        target=Target("classes", classes=("a", "b", "c")),
        scaling=Scaling((1.0,), (2.0,)),
        hidden_size=8,
        num_layers=2,
        seed=1,
    )
    assert (made.input_shape, made.output_shape) == (shape, (3,))
    assert (tmp_path / "initial.keras").read_bytes() == (tmp_path / "model.keras").read_bytes()
    rows = np.ones((2, *shape), np.uint8)
    assert forkserver.call(f"{HERE}answers", {"file": tmp_path / "model.keras", "rows": rows}).sum(1) == pytest.approx(
        [1, 1]
    )


def test_family_scales_each_column_of_a_table(tmp_path: Path) -> None:
    arguments = {
        "kind": "mlp",
        "input_shape": (2,),
        "target": Target("numbers"),
        "hidden_size": 4,
        "num_layers": 1,
        "seed": 1,
    }
    make("make_family", tmp_path, scaling=Scaling(), **arguments)
    plain = forkserver.call(f"{HERE}answers", {"file": tmp_path / "model.keras", "rows": np.array([[1.0, -1.0]])})
    make("make_family", tmp_path, scaling=Scaling((10.0, 3.0), (2.0, 4.0)), **arguments)
    scaled = forkserver.call(f"{HERE}answers", {"file": tmp_path / "model.keras", "rows": np.array([[12.0, -1.0]])})
    assert scaled == pytest.approx(plain, abs=1e-6)


def test_family_refuses_what_is_not_a_picture(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="use --kind mlp"):
        make(
            "make_family",
            tmp_path,
            kind="cnn",
            input_shape=(5,),
            target=Target("numbers"),
            scaling=Scaling(),
            hidden_size=8,
            num_layers=2,
            seed=1,
        )


BUILDER = """
def build(input_shape, num_classes):
    return keras.Sequential([keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(num_classes)])
"""


def test_builder(tmp_path: Path) -> None:
    made = make("make_built", tmp_path, source=BUILDER, input_shape=(4, 4, 1), num_classes=7, seed=0)
    assert (made.output_shape, made.num_parameters) == ((7,), 4 * 4 * 7 + 7)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1", "defines no function build"),
        ("def build(a, b): return 3", "must return a tf_keras model"),
        ("def build(a, b): return 1 / 0", r"build\(\) raised ZeroDivisionError"),
        ("def build(a, b)", r"build\(\) raised SyntaxError"),
    ],
)
def test_builder_that_fails(tmp_path: Path, source: str, message: str) -> None:
    with pytest.raises(LeptonError, match=message) as caught:
        make("make_built", tmp_path, source=source, input_shape=(4,), num_classes=2, seed=0)
    assert not isinstance(caught.value, UserCodeError) or "Traceback" in caught.value.user_traceback


@pytest.mark.parametrize("kind", ["sequential", "functional", "file"])
def test_keras3_model_gives_the_same_answers(tmp_path: Path, kind: str) -> None:
    theirs, ours = forkserver.call(f"{HERE}adopt_a_keras3_model", {"folder": tmp_path, "kind": kind})
    assert ours == pytest.approx(theirs, abs=1e-6)


def test_a_layer_that_cannot_be_brought_over_is_named(tmp_path: Path) -> None:
    config = {
        "class_name": "Sequential",
        "config": {
            "name": "s",
            "layers": [
                {"class_name": "InputLayer", "config": {"name": "in", "batch_shape": (None, 4)}},
                {"class_name": "Mine", "config": {"name": "my_layer"}},
            ],
        },
    }
    with pytest.raises(InputError, match=r"layer 'my_layer' is a Mine"):
        make("adopt_config", tmp_path, config=config, weights={}, is_keras3=True)


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "x.keras").write_text("hello")
    with pytest.raises(InputError, match=r"is not a \.keras file"):
        make("adopt_file", tmp_path, file=tmp_path / "x.keras")


def test_check_names_what_keras_does_not_know(tmp_path: Path) -> None:
    make("make_built", tmp_path, source=BUILDER, input_shape=(4, 4, 1), num_classes=7, seed=0)
    good = {"model_file": tmp_path / "model.keras", "optimizer": "adam", "loss": "mse", "num_outputs": 7}
    forkserver.call("lepton_lab.train._models:check", good)
    for change, message in [
        ({"optimizer": "adamm"}, "no optimizer 'adamm'"),
        ({"loss": "mist"}, "no loss 'mist'"),
        ({"num_outputs": 3}, "gives 7 numbers a row, but the labels need 3"),
    ]:
        with pytest.raises(InputError, match=message):
            forkserver.call("lepton_lab.train._models:check", good | change)
