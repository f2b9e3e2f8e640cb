import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton_lab import data
from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.evaluate import evaluate, evaluate_against
from lepton_lab.events import Progress
from lepton_lab.types import Dataset, Model, Target, fields, records
from tests.models_fixture import copy_of, fit, keras, save, truncate, write_split

OF_CLASSES = ("brier", "auc", "precision", "recall", "f1", "calibration_error")
CLASSES = ("accuracy", "loss", *OF_CLASSES)
LABELS = ("binary_accuracy", "exact_match", "loss", *OF_CLASSES)
NUMBERS = ("mae", "mse", "rmse", "r2", "median_absolute_error")
LOW_IS_GOOD = ("loss", "brier", "calibration_error", "mae", "mse", "rmse", "median_absolute_error")


@pytest.mark.parametrize("which", ["cnn", "int8_cnn"])
def test_classes(which: str, digits: Dataset, request: pytest.FixtureRequest) -> None:
    model: Model = request.getfixturevalue(which)
    found = evaluate(model, digits)
    assert (found.model, found.dataset, found.split, found.rows) == (model.name, "digits", "test", 597)
    assert list(found.metrics) == list(CLASSES) and found.notes == ()
    assert found.metrics["accuracy"] > 0.95 and 0 < found.metrics["loss"] < 0.3 and found.metrics["auc"] > 0.99
    assert found.breakdowns[0].confusion_matrix.sum() == 597


def test_numbers(mlp: Model, table: Dataset) -> None:
    found = evaluate(mlp, table, "train")
    assert list(found.metrics) == list(NUMBERS) and found.metrics["mse"] < 0.1 and found.rows == 900
    assert found.breakdowns == () and found.notes == ()


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
    assert list(found.metrics) == [
        *(f"kind_{name}" for name in CLASSES),
        *(f"price_{name}" for name in NUMBERS),
        *(f"tags_{name}" for name in LABELS),
    ]
    assert [(part.target, part.kind) for part in found.breakdowns] == [("kind", "classes"), ("tags", "labels")]
    assert found.metrics["kind_accuracy"] > 0.9 and found.metrics["tags_binary_accuracy"] > 0.9 and found.rows == 150


@pytest.mark.parametrize(
    ("y", "units", "activation", "loss", "metrics"),
    [
        (lambda x: x[:, 0] > 0, 1, "sigmoid", "binary_crossentropy", CLASSES),
        (lambda x: x > 0, 3, "sigmoid", "binary_crossentropy", LABELS),
        (lambda x: x * 2 + 1, 3, "linear", "mse", NUMBERS),
    ],
)
def test_other_targets(
    tmp_path: Path, y: Any, units: int, activation: str, loss: str, metrics: tuple[str, ...]
) -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (400, 3)).astype("float32")
    dataset = data.load((x, y(x)), "d", tmp_path / "d")
    rows, targets = data.open_split(dataset, "train")
    model = fit([keras().layers.Dense(units, activation)], np.asarray(rows), np.asarray(targets), loss, 40, 3e-2)
    found = evaluate(save(model, dataset, tmp_path / "m", "added"), dataset)
    assert list(found.metrics) == list(metrics)
    assert all(value > 0.85 for name, value in found.metrics.items() if name not in LOW_IS_GOOD)
    assert all(value < 0.4 for name, value in found.metrics.items() if name in LOW_IS_GOOD)


def test_an_output_of_another_width(mixed: tuple[Model, Dataset], tmp_path: Path) -> None:
    model, dataset = mixed
    targets = {**dataset.targets, "price": Target("numbers", "price", width=2)}
    for split in dataset.splits:
        x, y = data.open_split(dataset, split)
        parts = fields(y)
        write_split(tmp_path / split, x, records({**parts, "price": np.stack([parts["price"]] * 2, axis=1)}))
    with pytest.raises(InputError, match="answers for 'price' with 1 numbers a row, but the targets need 2"):
        evaluate(model, dataclasses.replace(dataset, folder=tmp_path, targets=targets))


def test_more_answers_than_classes(mixed: tuple[Model, Dataset]) -> None:
    model, dataset = mixed
    targets = {**dataset.targets, "kind": Target("classes", "kind", ("a", "b", "c", "d"))}
    with pytest.raises(InputError, match="answers for 'kind' with 3 numbers a row, but there are 4 classes"):
        evaluate(model, dataclasses.replace(dataset, targets=targets))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_answers_that_are_no_numbers(cnn: Model, digits: Dataset, tmp_path: Path, bad: float) -> None:
    answers = np.full((597, 10), 0.1, np.float32)
    answers[[7, 20], 3] = bad
    np.save(tmp_path / "answers.npy", answers)
    with pytest.raises(InputError, match=r"'cnn' answers 2 of 597 rows with NaN or infinity, the first in row 7"):
        evaluate(cnn, digits, answers_file=tmp_path / "answers.npy")


def test_against_another_model(cnn: Model, int8_cnn: Model, digits: Dataset) -> None:
    heard: list[Progress] = []
    found = evaluate_against(int8_cnn, cnn, digits, report=heard.append)  # type: ignore[arg-type]
    alone, other = evaluate(int8_cnn, digits), evaluate(cnn, digits)
    assert found.comparison is not None and dataclasses.replace(found, comparison=None) == alone
    for difference in found.comparison.differences:
        metric = difference.metric
        assert (difference.value, difference.other) == (alone.metrics[metric], other.metrics[metric])
        assert difference.low <= difference.high
    assert [difference.metric for difference in found.comparison.differences] == list(CLASSES[:-1])
    # Quantising costs next to nothing here, and 597 rows can't tell.
    assert found.comparison.verdicts[0].difference.better is None
    assert heard[-1].fraction == 1 and heard[-1].message == "1,000 of 1,000 resamples"


def test_against_a_worse_model(cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    worse = copy_of(cnn, tmp_path / "worse")
    model = keras().models.load_model(worse.file, compile=False)
    kernel = model.layers[-1].kernel
    kernel.assign(kernel + np.random.default_rng(0).normal(0, 0.3, kernel.shape))
    model.save(worse.file)
    found = evaluate_against(dataclasses.replace(worse, name="worse"), cnn, digits)
    assert found.comparison is not None
    verdict = found.comparison.verdicts[0]
    assert verdict.difference.better == "cnn" and verdict.p_value is not None and verdict.p_value < 1e-3
    assert {d.better for d in found.comparison.differences if d.metric in ("accuracy", "loss", "f1")} == {"cnn"}


def test_against_itself_with_several_targets(mixed: tuple[Model, Dataset]) -> None:
    model, dataset = mixed
    found = evaluate_against(model, model, dataset)
    assert found.comparison is not None
    assert [verdict.difference.metric for verdict in found.comparison.verdicts] == [
        *("kind_accuracy", "price_mae", "tags_binary_accuracy"),
    ]
    assert [difference.metric for difference in found.comparison.differences] == [
        metric for metric in found.metrics if not metric.endswith("calibration_error")
    ]
    assert {(d.low, d.high, d.better) for d in found.comparison.differences} == {(0.0, 0.0, None)}
    assert found.comparison.verdicts[0].p_value == 1
