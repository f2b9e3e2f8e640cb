import importlib
from pathlib import Path
from typing import Any

import pytest

from lepton_lab.runtime import Ending, read_endings


def models(keras: Any) -> dict[str, tuple[Any, dict[str, Ending]]]:
    """Models by what they show, each with its endings."""
    layers = keras.layers
    rows = keras.Input((8,), name="rows")
    plain = layers.Dense(3, name="plain")
    first, second = layers.Dense(1, name="first")(rows), layers.Dense(3, activation="softmax", name="second")(rows)
    inner = keras.Model(rows, [first, second], name="inner")

    def chain(*parts: Any) -> Any:
        return keras.Sequential([keras.Input((8,)), *parts])

    def last(activation: Any) -> Any:
        return layers.Dense(3, activation=activation, name="last")

    softmax = keras.ops.nn.softmax if hasattr(keras, "ops") else importlib.import_module("tensorflow").nn.softmax
    return {
        "no activation": (chain(last(None)), {"": Ending("last", "linear")}),
        "by name": (chain(last("softmax")), {"": Ending("last", "softmax")}),
        "by function": (chain(last(keras.activations.sigmoid)), {"": Ending("last", "sigmoid")}),
        "layer": (chain(plain, layers.Softmax(name="end")), {"": Ending("end", "softmax")}),
        "in single precision": (
            chain(last("softmax"), layers.Activation("linear", dtype="float32")),
            {"": Ending("last", "softmax")},
        ),
        "moved": (
            chain(last("sigmoid"), layers.Dropout(0.1), layers.Reshape((3, 1)), layers.Flatten()),
            {"": Ending("last", "sigmoid")},
        ),
        "relu": (chain(plain, layers.ReLU(name="end")), {"": Ending("end", "relu")}),
        "each step": (
            keras.Sequential([keras.Input((8, 2)), layers.TimeDistributed(last("softmax"), name="steps")]),
            {"": Ending("steps", "softmax")},
        ),
        "recurrent": (keras.Sequential([keras.Input((8, 2)), layers.GRU(3, name="end")]), {"": Ending("end", "tanh")}),
        "nested": (
            chain(plain, keras.Sequential([keras.Input((3,)), last("softmax")])),
            {"": Ending("last", "softmax")},
        ),
        "one of two": (keras.Model(rows, inner(rows)[1]), {"": Ending("second", "softmax")}),
        "two": (
            keras.Model(rows, [first, second]),
            {"first": Ending("first", "linear"), "second": Ending("second", "softmax")},
        ),
        "several into one": (
            keras.Model(rows, layers.Average()([second, layers.Dense(3, activation="softmax")(rows)])),
            {"": Ending("second", "softmax")},
        ),
        "sum": (keras.Model(rows, layers.Add(name="sum")([second, plain(rows)])), {"": Ending("sum", None)}),
        "function": (keras.Model(rows, softmax(plain(rows))), {"": Ending("*", "softmax")}),
    }


@pytest.mark.parametrize("library", ["tf_keras", "keras"])
def test_how_models_end(library: str, tmp_path: Path) -> None:
    for what, (model, expected) in models(importlib.import_module(library)).items():
        file = tmp_path / "model.keras"
        model.save(file)
        found = read_endings(file)
        if what == "function":  # each library names it in its own way
            assert [ending.activation for ending in found.values()] == ["softmax"]
        else:
            assert found == expected, what
