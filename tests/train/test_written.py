"""Parts as text on the line that is kept with what a run made."""

from __future__ import annotations

import os
from typing import Any

import pytest

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from lepton_lab.lab import Lab
from lepton_lab.lab._lines import line_of
from lepton_lab.train import written


def mine(y_true: Any, y_pred: Any) -> Any:
    return y_true - y_pred


def test_plain_values_and_ones_own() -> None:
    assert written("loss", "Huber(delta=2)") == "Huber(delta=2)"
    assert written("learning rate", 0.01) == "0.01"
    assert written("loss", mine) == "mine"
    assert written("metric", ["auc", mine]) == "auc,mine"
    assert written("class weight", {"cat": 2.0, 1: 0.5}) == "cat=2.0,1=0.5"


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
def test_objects_of_keras_by_what_is_not_their_default(library: str) -> None:
    keras: Any = __import__(library)
    rate = keras.optimizers.schedules.CosineDecay(0.1, 100)
    text = written("optimizer", keras.optimizers.SGD(rate, momentum=0.9))
    assert text.startswith("SGD(")
    assert "learning_rate=CosineDecay(initial_learning_rate=0.1, decay_steps=100" in text
    assert written("optimizer", keras.optimizers.Adam(0.1)) == "Adam(learning_rate=0.1)"
    assert written("optimizer", keras.optimizers.Adam()) == "Adam"
    assert written("metric", keras.metrics.AUC(curve="PR")) == "AUC(curve='PR')"
    for reduction in ("sum", "none") if library == "tf_keras" else ("sum", "none", None):
        loss = keras.losses.MeanSquaredError(reduction=reduction)
        assert written("loss", loss) == f"MeanSquaredError(reduction='{reduction or 'none'}')"
    assert written("loss", keras.losses.MeanSquaredError()) == "MeanSquaredError"
    assert written("metric", keras.metrics.MeanMetricWrapper(mine, name="own")) == "mine"
    scaler = keras.optimizers if library == "keras" else keras.mixed_precision
    assert written("optimizer", scaler.LossScaleOptimizer(keras.optimizers.Adam(0.1))) == "Adam(learning_rate=0.1)"
    stopping = keras.callbacks.EarlyStopping("loss", patience=3)
    assert written("callback", [stopping]).startswith("EarlyStopping(monitor='loss', patience=3")


def test_a_models_line_can_be_run(lab: Lab) -> None:
    import tf_keras

    lab.model.new("lined", data="digits", kind="mlp", hidden_size=8)
    optimizer = tf_keras.optimizers.SGD(tf_keras.optimizers.schedules.CosineDecay(0.1, 30), momentum=0.9)
    metrics = ["auc", tf_keras.metrics.Precision(top_k=2)]
    first = lab.train("lined", "digits", epochs=1, optimizer=optimizer, metrics=metrics, strategy="single")
    line = lab.model.show("lined").made_by
    from lepton_lab.commands import read, run

    second = run(lab, *read(line))
    assert second.history["loss"] == first.history["loss"]
    assert second.history["precision"] == first.history["precision"]
    assert lab.model.show("lined").made_by == line


def test_defaults_are_left_out(lab: Lab) -> None:
    options = {"data": "d", "epochs": 10, "optimizer": None, "warm_start": True, "metrics": None}
    assert line_of(lab.train, ("train", "cnn"), options) == "%lepton train cnn --data d --warm-start"
    said = options | {"optimizer": "adam"}  # by somebody, over what a model was compiled with
    assert line_of(lab.train, ("train", "cnn"), said) == "%lepton train cnn --data d --optimizer adam --warm-start"
