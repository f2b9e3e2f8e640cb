"""What `evaluate` says of the metrics that a model was compiled with, held against Keras's own `evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton_lab.errors import UserCodeError
from lepton_lab.lab import Lab
from tests.models_fixture import keras

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.random((700, 5)).astype(np.float32)
KINDS = (3 * ROWS[:, 0]).astype(np.int64)


def distance(truth: Any, answers: Any) -> Any:
    import tensorflow as tf

    return tf.reduce_mean(tf.abs(tf.cast(truth, tf.float32) - answers), -1)


def evaluated(lab: Lab, name: str, model: Any, x: Any, y: Any) -> tuple[dict[str, float], dict[str, float]]:
    """What the lab says of rows, and what Keras says."""
    lab.data.load((x, y), name=name)
    lab.model.add(model, name=name)
    found = lab.evaluate(name, data=name, split="train")
    folder = lab.data.get(name).folder / "train"
    rows, truth = (np.load(folder / file) for file in ("x.npy", "y.npy"))
    named = {each: truth[each] for each in truth.dtype.names} if truth.dtype.names else truth
    return dict(found.metrics), model.evaluate(rows, named, batch_size=100, verbose=0, return_dict=True)


def test_of_one_number_and_of_logits(lab: Lab) -> None:
    layers, metrics = keras().layers, keras().metrics
    model = keras().Sequential([keras().Input((5,)), layers.Dense(1, activation="sigmoid")])
    own = [metrics.AUC(curve="PR", name="area"), metrics.Precision(0.4, name="sure"), distance]
    model.compile(loss="binary_crossentropy", metrics=own)
    ours, theirs = evaluated(lab, "one_number", model, ROWS, KINDS % 2)
    assert {name: ours[name] for name in theirs} == pytest.approx(theirs, abs=1e-5)

    model = keras().Sequential([keras().Input((5,)), layers.Dense(3)])
    loss = keras().losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(loss=loss, metrics=["accuracy", metrics.SparseTopKCategoricalAccuracy(2, name="best")])
    ours, theirs = evaluated(lab, "of_logits", model, ROWS, KINDS)
    assert {name: ours[name] for name in theirs} == pytest.approx(theirs, abs=1e-5)


def test_of_steps_that_a_layer_masks(lab: Lab) -> None:
    layers = keras().layers
    steps = RANDOM.integers(1, 9, (300, 6))
    steps[::3, 4:] = 0
    inner = [layers.Embedding(9, 4, mask_zero=True), layers.LSTM(4, return_sequences=True)]
    model = keras().Sequential([keras().Input((6,)), *inner, layers.Dense(3, activation="softmax")])
    crossentropy = "sparse_categorical_crossentropy"
    model.compile(loss=crossentropy, weighted_metrics=[crossentropy])
    ours, theirs = evaluated(lab, "steps", model, steps, steps % 3)
    assert ours[crossentropy] == pytest.approx(theirs[crossentropy], abs=1e-5)


def test_of_several_outputs_and_of_numbers(lab: Lab) -> None:
    layers, rows = keras().layers, keras().Input((5,), name="rows")
    outputs = [layers.Dense(1, name="price")(rows), layers.Dense(3, activation="softmax", name="kind")(rows)]
    model = keras().Model(rows, outputs)
    losses = {"price": "mse", "kind": "sparse_categorical_crossentropy"}
    model.compile(loss=losses, metrics={"price": ["mape"], "kind": [losses["kind"]]})
    ours, theirs = evaluated(lab, "several", model, ROWS, {"price": ROWS.sum(1), "kind": KINDS})
    for name in ("price_mape", f"kind_{losses['kind']}"):
        assert ours[name] == pytest.approx(theirs[name], rel=1e-5)


def test_of_ones_own_that_fail_or_are_lost(lab: Lab, tmp_path: Path) -> None:
    def lost(truth: Any, answers: Any) -> Any:
        raise ValueError("not finished")

    model = keras().Sequential([keras().Input((5,)), keras().layers.Dense(1)])
    model.compile(loss="mse", metrics=[lost])
    lab.data.load((ROWS, ROWS.sum(1)), name="numbers")
    lab.model.add(model, name="fails")
    with pytest.raises(UserCodeError, match="The metric 'lost' raised ValueError: not finished"):
        lab.evaluate("fails", data="numbers")
    model.save(tmp_path / "lost.keras")
    lab.model.add(tmp_path / "lost.keras", name="lost")
    notes = lab.evaluate("lost", data="numbers").notes
    assert any("compiled with are left out: lost is code that its file doesn't hold" in note for note in notes)
