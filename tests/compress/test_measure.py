import gzip
from pathlib import Path

import pytest

from lepton_lab.compress import compare, measure
from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.evaluate import evaluate
from lepton_lab.types import Dataset, Model
from tests.models_fixture import copy_of, truncate


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


def test_compare(cnn: Model, int8_cnn: Model, digits: Dataset) -> None:
    found = compare(cnn, int8_cnn, digits, "test", layers=[("dense", "weights int8")])
    assert found.model is int8_cnn and found.before.raw_bytes > 3 * found.after.raw_bytes
    assert found.layers == (("dense", "weights int8"),)


def test_a_split_that_is_not_there(cnn: Model, digits: Dataset) -> None:
    with pytest.raises(UnknownNameError, match="no split 'validation'"):
        measure(cnn, digits, "validation")


def test_a_truncated_file(int8_cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    model = copy_of(int8_cnn, tmp_path / "q")
    truncate(model.file)
    with pytest.raises(InputError, match="can't be run by LiteRT"):
        measure(model, digits)
