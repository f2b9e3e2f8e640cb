"""Models whose explanations can be told beforehand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lepton_lab.types import Dataset, Model, Target
from tests.models_fixture import keras, save, write_split

SLOPES = np.array([3.0, -2.0, 0.5, 0.0], np.float32)


def linear(folder: Path) -> tuple[Model, Dataset]:
    """A table of named columns and the model `x @ SLOPES + 1`, which is always right."""
    x = np.random.default_rng(0).normal(2, 1, (400, 4)).astype("float32")
    y = (x @ SLOPES + 1).astype("float32")
    dataset = Dataset(
        *("line", folder / "data", "made up", {"train": 300, "test": 100}, (4,), "float32"),
        Target("numbers", "price"),
        columns=("size", "age", "rooms", "colour"),
    )
    for split, part in (("train", slice(300)), ("test", slice(300, 400))):
        write_split(dataset.folder / split, x[part], y[part])
    layer = keras().layers.Dense(1)
    model = keras().Sequential([keras().Input((4,)), layer])
    layer.set_weights([SLOPES[:, None], np.ones(1, np.float32)])
    return save(model, dataset, folder / "linear", "builder"), dataset


def answering(head: list[Any], target: Target, folder: Path, columns: int = 3) -> tuple[Model, Dataset]:
    """A made-up table and a model with weights drawn by chance that ends with these layers."""
    x = np.random.default_rng(0).normal(0, 1, (60, columns)).astype("float32")
    y = np.zeros((60, *target.shape), target.dtype)
    dataset = Dataset("made", folder / "data", "made up", {"train": 40, "test": 20}, (columns,), "float32", target)
    for split, part in (("train", slice(40)), ("test", slice(40, 60))):
        write_split(dataset.folder / split, x[part], y[part])
    keras().utils.set_random_seed(3)
    model = keras().Sequential([keras().Input((columns,)), keras().layers.Dense(8, "tanh"), *head])
    return save(model, dataset, folder / "made", "builder"), dataset
