from pathlib import Path

import pytest

from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.evaluate import evaluate
from lepton_lab.types import Dataset, Model
from tests.models_fixture import copy_of, truncate


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
