import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton_lab import data
from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.evaluate import evaluate
from lepton_lab.types import Dataset, Model, Target, fields, records
from tests.models_fixture import copy_of, fit, keras, save, truncate, write_split


@pytest.mark.parametrize("which", ["cnn", "int8_cnn"])
def test_classes(which: str, digits: Dataset, request: pytest.FixtureRequest) -> None:
    model: Model = request.getfixturevalue(which)
    found = evaluate(model, digits)
    assert (found.model, found.dataset, found.split, found.rows) == (model.name, "digits", "test", 597)
    assert found.metrics["accuracy"] > 0.95 and 0 < found.metrics["loss"] < 0.3


def test_numbers(mlp: Model, table: Dataset) -> None:
    found = evaluate(mlp, table, "train")
    assert set(found.metrics) == {"mae", "mse"} and found.metrics["mse"] < 0.1 and found.rows == 900


def test_the_batch_size_does_not_matter(cnn: Model, digits: Dataset) -> None:
    assert evaluate(cnn, digits, batch_size=50).metrics["accuracy"] == evaluate(cnn, digits).metrics["accuracy"]
    with pytest.raises(InputError, match="batch_size=0"):
        evaluate(cnn, digits, batch_size=0)


def test_a_split_that_is_not_there(cnn: Model, digits: Dataset) -> None:
    with pytest.raises(UnknownNameError, match="no split 'validation'"):
        evaluate(cnn, digits, "validation")


def test_a_data_set_that_does_not_fit(cnn: Model, table: Dataset) -> None:
    with pytest.raises(InputError, match="takes rows of shape"):
        evaluate(cnn, table)


def test_a_truncated_model(cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    model = copy_of(cnn, tmp_path / "cnn")
    truncate(model.file)
    with pytest.raises(InputError, match="can't be loaded"):
        evaluate(model, digits)


def test_several_targets(mixed: tuple[Model, Dataset]) -> None:
    found = evaluate(*mixed)
    assert set(found.metrics) == {
        *("kind_accuracy", "kind_loss", "price_mae", "price_mse"),
        *("tags_binary_accuracy", "tags_exact_match", "tags_loss"),
    }
    assert found.metrics["kind_accuracy"] > 0.9 and found.metrics["tags_binary_accuracy"] > 0.9 and found.rows == 150


@pytest.mark.parametrize(
    ("y", "units", "activation", "loss", "metrics"),
    [
        (lambda x: x[:, 0] > 0, 1, "sigmoid", "binary_crossentropy", {"accuracy", "loss"}),
        (lambda x: x > 0, 3, "sigmoid", "binary_crossentropy", {"binary_accuracy", "exact_match", "loss"}),
        (lambda x: x * 2 + 1, 3, "linear", "mse", {"mae", "mse"}),
    ],
)
def test_other_targets(tmp_path: Path, y: Any, units: int, activation: str, loss: str, metrics: set[str]) -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (400, 3)).astype("float32")
    dataset = data.load((x, y(x)), "d", tmp_path / "d")
    rows, targets = data.open_split(dataset, "train")
    model = fit([keras().layers.Dense(units, activation)], np.asarray(rows), np.asarray(targets), loss, 40, 3e-2)
    found = evaluate(save(model, dataset, tmp_path / "m", "added"), dataset)
    assert set(found.metrics) == metrics
    assert all(value > 0.85 for name, value in found.metrics.items() if name not in ("loss", "mae", "mse"))
    assert all(value < 0.4 for name, value in found.metrics.items() if name in ("loss", "mae", "mse"))


def test_an_output_of_another_width(mixed: tuple[Model, Dataset], tmp_path: Path) -> None:
    model, dataset = mixed
    targets = {**dataset.targets, "price": Target("numbers", "price", width=2)}
    for split in dataset.splits:
        x, y = data.open_split(dataset, split)
        parts = fields(y)
        write_split(tmp_path / split, x, records({**parts, "price": np.stack([parts["price"]] * 2, axis=1)}))
    with pytest.raises(InputError, match="answers for 'price' with 1 numbers a row, but the targets need 2"):
        evaluate(model, dataclasses.replace(dataset, folder=tmp_path, targets=targets))
