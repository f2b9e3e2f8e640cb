import dataclasses
import gzip
from pathlib import Path

import numpy as np
import pytest

from lepton_lab import data
from lepton_lab.compress import compare, latencies, measure
from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.evaluate import evaluate
from lepton_lab.types import Dataset, Model
from tests.models_fixture import copy_of, fit, keras, save, truncate


def test_a_quantised_model(int8_cnn: Model, digits: Dataset) -> None:
    found = measure(int8_cnn, digits)
    content = int8_cnn.file.read_bytes()
    assert found.raw_bytes == len(content) and found.gzip_bytes == len(gzip.compress(content, 9))
    assert found.accuracy == evaluate(int8_cnn, digits).metrics["accuracy"]
    assert 1e-7 < found.latency < 0.1


def test_a_keras_model_is_measured_as_tflite(cnn: Model, digits: Dataset) -> None:
    found = measure(cnn, digits, "train")
    assert 4 * cnn.num_parameters < found.raw_bytes < 4 * cnn.num_parameters + 20_000
    assert (found.split, found.metric) == ("train", "accuracy")


def test_numbers_are_measured_by_mean_absolute_error(mlp: Model, table: Dataset) -> None:
    found = measure(mlp, table)
    assert found.metric == "mae" and found.accuracy == pytest.approx(evaluate(mlp, table).metrics["mae"], rel=1e-3)


def test_labels_are_measured_by_binary_accuracy(tmp_path: Path) -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (300, 3)).astype("float32")
    dataset = data.load((x, x > 0), "d", tmp_path / "d")
    rows, targets = (np.asarray(array) for array in data.open_split(dataset, "train"))
    layers = [keras().layers.Dense(3, "sigmoid")]
    model = save(fit(layers, rows, targets, "binary_crossentropy", 20, 3e-2), dataset, tmp_path / "m", "added")
    found = measure(model, dataset)
    expected = evaluate(model, dataset).metrics["binary_accuracy"]
    assert found.metric == "binary_accuracy" and found.accuracy == pytest.approx(expected, abs=1e-3) and expected > 0.8
    assert f"{found.accuracy:.2%}" in str(compare(model, model, dataset))


def test_of_several_targets_the_first_is_told(mixed: tuple[Model, Dataset], mixed_int8: Model) -> None:
    model, dataset = mixed
    last = dataclasses.replace(dataset, targets=dict(reversed(dataset.targets.items())))
    assert measure(mixed_int8, last).metric == "tags_binary_accuracy"
    found = compare(model, mixed_int8, dataset)
    assert found.after.accuracy == evaluate(mixed_int8, dataset).metrics["kind_accuracy"]
    assert len(latencies([model, mixed_int8], dataset, turns=1)) == 2


def test_compare(cnn: Model, int8_cnn: Model, digits: Dataset) -> None:
    found = compare(cnn, int8_cnn, digits, "test", layers=[("dense", "weights int8")])
    assert found.model is int8_cnn and found.before.raw_bytes > 3 * found.after.raw_bytes
    assert found.layers == (("dense", "weights int8"),)


def test_a_model_that_can_not_become_a_tflite_file(tmp_path: Path) -> None:
    layers = keras().layers
    x = np.random.default_rng(0).uniform(0, 1, (60, 4, 4, 4, 1)).astype("float32")
    dataset = data.load((x, x.mean(axis=(1, 2, 3, 4)) > 0.5), "d", tmp_path / "d")
    stack = [layers.MaxPooling3D(), layers.Flatten(), layers.Dense(2, "softmax")]
    model = save(keras().Sequential([keras().Input((4, 4, 4, 1)), *stack]), dataset, tmp_path / "m", "added")
    found = compare(model, model, dataset)
    assert found.after.runs_by == "TensorFlow" and found.after.memory is None
    assert found.after.raw_bytes == model.file.stat().st_size and 1e-6 < found.after.latency < 1
    assert found.after.accuracy == pytest.approx(evaluate(model, dataset).metrics["accuracy"])
    assert "LiteRT has no operation for tf.MaxPool3D" in str(found) and "latency of one row, TensorFlow" in str(found)
    assert measure(model, dataset).raw_bytes == found.after.raw_bytes


def test_a_split_that_is_not_there(cnn: Model, digits: Dataset) -> None:
    with pytest.raises(UnknownNameError, match="no split 'validation'"):
        measure(cnn, digits, "validation")


def test_a_truncated_file(int8_cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    model = copy_of(int8_cnn, tmp_path / "q")
    truncate(model.file)
    with pytest.raises(InputError, match="can't be run by LiteRT"):
        measure(model, digits)
