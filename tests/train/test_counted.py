"""A step on targets at positions does what Keras's `fit` does with the same batch: loss, weights and metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton_lab import forkserver

RANDOM = np.random.default_rng(0)
WORDS = RANDOM.integers(1, 20, (12, 6)) * (np.arange(6) < RANDOM.integers(2, 7, (12, 1)))
TAGS = RANDOM.integers(0, 4, (12, 6)).astype(np.int16)
PICTURES = RANDOM.random((12, 6, 5, 2)).astype(np.float32)
MASKS = RANDOM.integers(0, 4, (12, 6, 5)).astype(np.int16)
GAPS = np.where(RANDOM.random((12, 6, 5)) < 0.3, -1, MASKS).astype(np.int16)
COLORS = RANDOM.random((12, 6, 5, 3)).astype(np.float32)


def both(case: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Losses, metrics and weights after a step of ours and of Keras's; in a process that has TensorFlow."""
    import tensorflow as tf
    import tf_keras

    from lepton_lab.train import Job, describe_all
    from lepton_lab.train._step import Steps, make_heads
    from lepton_lab.types import Dataset, ShardSet, Target

    layers = tf_keras.layers

    def build() -> Any:
        tf_keras.utils.set_random_seed(0)
        if case["rows"] == "words":
            last = layers.Dense(4, activation="softmax")
            ends = [layers.Embedding(20, 5, mask_zero=True), layers.GRU(6, return_sequences=True), last]
            return tf_keras.Sequential([tf_keras.Input((6,), dtype="int32"), *ends])
        one = layers.Conv2D(case["outputs"], 3, padding="same", activation=case["activation"])
        return tf_keras.Sequential([tf_keras.Input((6, 5, 2)), one])

    x = WORDS.astype(np.int32) if case["rows"] == "words" else PICTURES
    y, weights = case["y"], case["weights"]
    classes = tuple(map(str, range(4))) if case["kind"] == "classes" else ()
    if case["kind"] == "classes" and case["outputs"] == 1:
        classes = ("0", "1")
    width = 1 if case["kind"] == "classes" else case["outputs"]
    positions = y.shape[1:] if case["kind"] == "classes" or width == 1 else y.shape[1:-1]
    target = Target(case["kind"], classes=classes, width=width, positions=positions)
    data = Dataset("d", folder, "", {"train": 12}, x.shape[1:], x.dtype.name, target)
    metrics = describe_all("metric", case["metrics"])
    shards = ShardSet("d", folder, "hash", ())
    name = {"numbers": "MeanSquaredError"}.get(case["kind"], "BinaryCrossentropy" if case["outputs"] == 1 else "")
    part: Any = "auto"
    if case["reduction"]:
        part = {"class_name": name or "SparseCategoricalCrossentropy", "config": {"reduction": case["reduction"]}}
    job = Job("r", folder, folder, folder, shards, data, 1, 15, "sgd", part, metrics=metrics)

    ours, optimizer = build(), tf_keras.optimizers.SGD(0.5)
    heads = make_heads(job, ours)
    optimizer.build(ours.trainable_variables)
    steps = Steps(job, ours, optimizer, heads, 1)
    real = np.ones(12, np.float32)
    by_row = real / 12
    given = by_row if weights is None else by_row.reshape(-1, *(1 for _ in weights.shape[1:])) * weights
    learn = tf.function(steps.learn, autograph=False)
    sums = learn(tf.constant(x), tf.constant(y), tf.constant(given.astype(np.float32)), tf.constant(real)).numpy()
    told = {each.metric.name: float(each.metric.result()) for head in heads for each in head.metrics}
    head = heads[0]
    told |= {"loss": sums[0] / 12, head.metric: float(head.mean.result())}

    theirs = build()
    reduction = {"reduction": case["reduction"] or "auto"}
    classes_of = tf_keras.losses.SparseCategoricalCrossentropy
    loss = getattr(tf_keras.losses, name)(**reduction) if name else classes_of(ignore_class=-1, **reduction)
    theirs.compile(tf_keras.optimizers.SGD(0.5), loss, metrics=[])
    expected = theirs.train_on_batch(
        x,
        y if case["kind"] == "classes" and width == 1 and not name else y.reshape(12, *theirs.output_shape[1:]),
        sample_weight=weights,
    )
    return {
        "told": told,
        "expected_loss": float(expected),
        "weights": ours.get_weights(),
        "expected_weights": theirs.get_weights(),
        "answers": build()(x).numpy(),
    }


def case(
    rows: str, y: Any, kind: str, outputs: int, activation: str, metrics: str, weights: Any = None, reduction: str = ""
) -> Any:
    return {
        "rows": rows,
        "y": y,
        "kind": kind,
        "outputs": outputs,
        "activation": activation,
        "metrics": metrics,
        "weights": weights,
        "reduction": reduction,
    }


CASES = {
    "masked steps": case("words", TAGS, "classes", 4, "softmax", "mean_iou"),
    "a mask": case("pictures", MASKS, "classes", 4, "softmax", "mean_iou"),
    "positions without a class": case("pictures", GAPS, "classes", 4, "softmax", "mean_iou"),
    "two classes": case("pictures", (MASKS > 1).astype(np.int16), "classes", 1, "sigmoid", "mean_iou"),
    "pictures": case("pictures", COLORS, "numbers", 3, "relu", "mse"),
    "grey pictures": case("pictures", RANDOM.random((12, 6, 5)).astype(np.float32), "numbers", 1, "relu", "mse"),
    "weights": case(
        "pictures", MASKS, "classes", 4, "softmax", "mean_iou", RANDOM.random((12, 6, 5)).astype(np.float32)
    ),
    "the sum of masked steps": case("words", TAGS, "classes", 4, "softmax", "mean_iou", reduction="sum"),
    "the sum of pictures": case("pictures", COLORS, "numbers", 3, "relu", "mse", reduction="sum"),
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    found: dict[str, Any] = forkserver.call(f"{__name__}:all_of", {"folder": tmp_path_factory.mktemp("steps")})
    return found


def all_of(folder: Path) -> dict[str, Any]:
    """Every case in one process, which costs less than one for each."""
    return {name: both(one, folder) for name, one in CASES.items()}


@pytest.mark.parametrize("name", CASES)
def test_a_step_is_that_of_keras(results: dict[str, Any], name: str) -> None:
    one, found = CASES[name], results[name]
    for ours, theirs in zip(found["weights"], found["expected_weights"], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-6)
    told, answers, y = found["told"], found["answers"], one["y"]
    if one["weights"] is None:  # what is reported is not weighted
        assert told["loss"] == pytest.approx(found["expected_loss"], rel=1e-5)
    if one["kind"] == "numbers":
        error = answers.reshape(y.shape) - y
        assert told["mae"] == pytest.approx(np.abs(error).mean(), rel=1e-5)
        assert told["mse"] == pytest.approx(np.square(error).mean(), rel=1e-5)
        return
    counts = y >= 0 if one["rows"] == "pictures" else WORDS > 0
    chosen = answers.argmax(-1) if one["outputs"] > 1 else answers[..., 0] > 0.5
    assert told["accuracy"] == pytest.approx((chosen == y)[counts].mean(), rel=1e-5)
    both_ways = [
        ((chosen == c) & (y == c) & counts).sum() / max(1, (((chosen == c) | (y == c)) & counts).sum())
        for c in range(max(one["outputs"], 2))
        if (((chosen == c) | (y == c)) & counts).any()
    ]
    assert told["mean_iou"] == pytest.approx(np.mean(both_ways), rel=1e-5)
