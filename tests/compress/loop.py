"""A training loop of the tests' own, as the engine has one: no `fit`, no callbacks."""

from __future__ import annotations

from typing import Any

import numpy as np

from lepton_lab.compress import _qat
from lepton_lab.compress._hook import Hook
from lepton_lab.runtime import open_rows
from lepton_lab.types import Dataset
from tests.models_fixture import keras


def train(model: Any, hook: Hook, dataset: Dataset, steps: int) -> None:
    """Train for some steps of 64 rows, with a hook that has prepared the model."""
    import tensorflow as tf

    x, y = open_rows(dataset, "train")
    optimizer = keras().optimizers.Adam(2e-3)
    loss = keras().losses.SparseCategoricalCrossentropy(reduction="none")
    if dataset.target.kind == "numbers":
        loss, y = keras().losses.MeanSquaredError(reduction="none"), y.reshape(-1, 1)

    @tf.function
    def one(rows: tf.Tensor, targets: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            answers = model(rows, training=True)
            value = tf.reduce_mean(hook.losses(rows, {"": loss(targets, answers)}, {"": answers})[""])
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(value, variables), variables, strict=True))

    random = np.random.default_rng(0)
    for step in range(steps):
        picked = random.integers(0, len(x), 64)
        hook.before_step(step)
        one(tf.constant(x[picked], tf.float32), tf.constant(y[picked]))


def aware(model: Any) -> _qat.QuantizationAware:
    """The hook that quantisation-aware training gives a model, as its plan has it."""
    return _qat.QuantizationAware(**_qat.plan(model, {}).options)


def tuned(model: Any, hook: Hook, dataset: Dataset, steps: int) -> Any:
    """The model as a technique leaves it after some steps."""
    prepared = hook.prepare(model, steps)
    train(prepared, hook, dataset, steps)
    return hook.finish(prepared)
