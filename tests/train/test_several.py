"""Several inputs and targets, multi-label targets, weighted rows, rows that are larger than what a rank may copy."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from lepton_lab.data import open_split
from lepton_lab.errors import InputError
from lepton_lab.events import RunProgress
from lepton_lab.lab import Lab
from tests.train.processes import weights

BUILDER = """
def build(input_shape, num_classes):
    layers = keras.layers
    ends = {name: keras.Input(shape, name=name) for name, shape in input_shape.items()}
    x = layers.concatenate([layers.Flatten()(ends["picture"]), ends["facts"]])
    x = layers.Dense(16, activation="relu")(x)
    kind = layers.Dense(num_classes["kind"], activation="softmax", name="kind")(x)
    size = layers.Dense(num_classes["size"], name="size")(x)
    return keras.Model(ends, [kind, size])
"""
LINE = """
def build(input_shape, num_classes):
    return keras.Sequential([keras.Input(input_shape), keras.layers.Dense(1, kernel_initializer="zeros")])
"""
LABELS = """
def build(input_shape, num_classes):
    return keras.Sequential([keras.Input(input_shape), keras.layers.Dense(num_classes, activation="sigmoid")])
"""


@pytest.fixture(scope="module")
def mixed(lab: Lab) -> str:
    """Rows of a picture and three facts; what kind they are, and how large."""
    random = np.random.default_rng(0)
    facts = random.normal(size=(300, 3)).astype(np.float32)
    x = {"picture": random.integers(0, 2, (300, 4, 4, 1)).astype(np.uint8), "facts": facts}
    y = {"kind": (facts[:, 0] > 0).astype(np.int64), "size": facts[:, 1:] * 2}
    lab.data.load((x, y), name="mixed")
    lab.model.new("mixed", data="mixed", builder=BUILDER)
    return "mixed"


def test_several_inputs_and_targets(lab: Lab, mixed: str) -> None:
    results = []
    for workers in (1, 2):
        run = lab.train(
            mixed,
            mixed,
            epochs=8,
            batch_size=20,
            workers=workers,
            strategy="multiworker",
            learning_rate=0.02,
            loss={"size": "mae"},
            validation=0.1,
        )
        assert {"loss", "kind_accuracy", "size_mae", "val_kind_accuracy", "val_size_mae"} <= set(run.history)
        assert run.history["size_mae"][-1] < run.history["size_mae"][0] / 2
        assert run.metrics["test_kind_accuracy"] > 0.8
        results.append(weights(lab, mixed))
    for one, two in zip(*results, strict=True):
        assert np.allclose(one, two, atol=1e-5)
    assert lab.evaluate(mixed).metrics["kind_accuracy"] == pytest.approx(run.metrics["test_kind_accuracy"])
    answers = lab.predict(mixed).answers
    assert (answers["kind"].shape, answers["size"].shape) == ((60, 2), (60, 2))
    x = {"picture": np.zeros((3, 4, 4, 1), np.uint8), "facts": np.ones((3, 3))}
    assert lab.predict(mixed, rows=x).answers.dtype.names == ("kind", "size")
    with pytest.raises(InputError, match="takes a dict of arrays by name: picture, facts"):
        lab.predict(mixed, rows={"facts": x["facts"]})


@pytest.mark.parametrize("library", ["tf_keras", "keras"])
def test_two_outputs_of_one_layer(lab: Lab, library: str) -> None:
    one = importlib.import_module(library)
    rows = one.Input((3,))
    shared = one.layers.Dense(1, name="d")
    model = one.Model(rows, [shared(rows), shared(rows * 2.0)])
    model.compile("sgd", ["mse", "mae"])
    x = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    lab.data.load((x, {"d": x[:, 0], "d_1": x[:, 1]}), name="twice")
    lab.model.add(model, name="twice")
    run = lab.train("twice", "twice", epochs=3, batch_size=50, strategy="single")
    x, y = open_split(lab.data.get("twice"), "train")
    history = model.fit(np.asarray(x), [y["d"], y["d_1"]], batch_size=50, epochs=3, verbose=0).history
    assert run.history["loss"] == pytest.approx(history["loss"], rel=1e-4)
    for ours, theirs in zip(weights(lab, "twice"), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_model_whose_names_are_others_is_refused(lab: Lab, mixed: str) -> None:
    lab.model.new("others", data=mixed, builder=BUILDER.replace('name="size"', 'name="width"'))
    with pytest.raises(InputError, match="no output 'size'"):
        lab.train("others", mixed)
    with pytest.raises(InputError, match="several inputs or targets, and a cnn has one of each"):
        lab.train("cnn", mixed)


def test_multi_label(lab: Lab) -> None:
    x = np.random.default_rng(1).normal(size=(200, 2)).astype(np.float32)
    lab.data.load((x, (x > 0).astype(np.uint8)), name="signs")
    lab.model.new("signs", data="signs", builder=LABELS)
    run = lab.train("signs", "signs", epochs=10, batch_size=10, learning_rate=0.1, metrics="auc")
    assert run.history["accuracy"][-1] > 0.9
    assert run.history["auc"][-1] > 0.95
    assert lab.evaluate("signs").metrics["binary_accuracy"] == pytest.approx(run.metrics["test_accuracy"])
    assert lab.predict("signs").answers.shape == (40, 2)


def test_rows_count_by_their_weights(lab: Lab) -> None:
    """Two kinds of rows pull a constant to 1/4 and to 5/4; where it comes to rest is their weighted mean."""
    y = np.tile(np.array([0.25, 1.25], np.float32), 40)
    x = np.ones((80, 1), np.float32)
    lab.data.load((x, y, np.where(y > 1, 3.0, 1.0).astype(np.float32)), name="pull", test_share=0)
    lab.model.new("pull", data="pull", builder=LINE)
    settings: dict[str, Any] = {"epochs": 60, "batch_size": 80, "optimizer": "sgd", "learning_rate": 0.05}
    lab.train("pull", "pull", **settings, strategy="multiworker")
    kernel, bias = weights(lab, "pull")
    assert float(kernel[0, 0] + bias[0]) == pytest.approx(1.0, abs=0.01)


def test_rows_are_not_copied_into_the_ranks(lab: Lab, tmp_path: Path) -> None:
    rows = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.uint8, (4000, 64, 64, 16))  # 250 MB, all of it holes
    np.save(tmp_path / "y.npy", np.arange(4000) % 2)
    del rows
    lab.data.load(tmp_path, name="wide")
    lab.data.shard("wide", shards=4, by="round_robin")
    builder = LABELS.replace(
        "keras.layers.Dense(num_classes", "keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(1"
    )
    lab.model.new("wide", data="wide", builder=builder)
    seen: list[int] = []
    unsubscribe = lab.events.subscribe(lambda event: seen.extend(event.memory.values()), RunProgress)  # type: ignore[attr-defined]
    run = lab.train("wide", "wide", epochs=1, batch_size=32, strategy="multiworker")
    unsubscribe()
    assert run.history["examples"] == (3200.0,)
    assert max(seen) - min(seen) < 100 * 2**20
    lab.data.drop("wide")
