"""What runs are held against: weights in files, and the same training and judging by Keras alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lepton_lab import forkserver
from lepton_lab.lab import Lab

SOFTMAX = """
def build(input_shape, num_classes):
    return keras.Sequential([keras.Input(input_shape), keras.layers.Rescaling(1 / 16), keras.layers.Flatten(),
                             keras.layers.Dense(num_classes, activation="softmax")])
"""
"""A model on digits whose training is convex, so that any difference comes from what is compared."""


def weights(lab: Lab, model: str) -> list[Any]:
    """The weights of a model of the lab."""
    found = lab.model.show(model)
    result: list[Any] = forkserver.call(f"{__name__}:weights_of", {"file": found.file, "code": found.code})
    return result


def weights_of(file: Path, code: Path | None = None) -> list[Any]:
    """The weights in a file."""
    from lepton_lab.runtime import load_keras

    found: list[Any] = load_keras(file, code).get_weights()
    return found


def rows_of(lab: Lab, data: str, split: str) -> tuple[Any, Any]:
    """A data set's rows, as float32, and labels."""
    folder = lab.data.get(data).folder / split
    return np.load(folder / "x.npy").astype(np.float32), np.load(folder / "y.npy")


def same(one: list[Any], other: list[Any], tolerance: float = 1e-5) -> bool:
    """Whether two models' weights are the same."""
    return all(np.allclose(a, b, rtol=0, atol=tolerance) for a, b in zip(one, other, strict=True))


LOSS = "sparse_categorical_crossentropy"


def by_keras(lab: Lab, model: str, data: str, optimizer: str, epochs: int, loss: Any = LOSS, **fit: Any) -> list[Any]:
    """The weights that Keras's own `fit` gives, one step an epoch; `optimizer` is an expression."""
    x, y = rows_of(lab, data, "train")
    file = lab.model.show(model).folder / "initial.keras"
    arguments = {"file": file, "x": x, "y": y, "optimizer": optimizer, "epochs": epochs, "loss": loss, "fit": fit}
    result: list[Any] = forkserver.call(f"{__name__}:fit_with_keras", arguments)
    return result


def fit_with_keras(
    file: Path, x: Any, y: Any, optimizer: str, epochs: int, loss: Any, fit: dict[str, Any]
) -> list[Any]:
    """Train a file's model as a Keras user does."""
    import tf_keras

    model = tf_keras.models.load_model(file, compile=False)
    model.compile(eval(optimizer, {"keras": tf_keras}), loss)
    model.fit(x, y, batch_size=len(x), epochs=epochs, verbose=0, **fit)
    found: list[Any] = model.get_weights()
    return found


def judged_by_keras(lab: Lab, file: Path, data: str, split: str, metrics: str) -> dict[str, float]:
    """What Keras's own `evaluate` says of a model's file on one-hot labels; `metrics` is an expression."""
    x, y = rows_of(lab, data, split)
    result: dict[str, float] = forkserver.call(
        f"{__name__}:evaluate_with_keras", {"file": file, "x": x, "y": y, "metrics": metrics}
    )
    return result


def evaluate_with_keras(file: Path, x: Any, y: Any, metrics: str) -> dict[str, float]:
    """Judge a file's model as a Keras user does."""
    import tf_keras

    model = tf_keras.models.load_model(file, compile=False)
    model.compile(loss="categorical_crossentropy", metrics=["accuracy", *eval(metrics, {"keras": tf_keras})])
    labels = tf_keras.utils.to_categorical(y, model.output_shape[-1])
    found: dict[str, float] = model.evaluate(x, labels, batch_size=100, verbose=0, return_dict=True)
    return found
