"""Files that are none of the lab's."""

from __future__ import annotations

from pathlib import Path

import pytest

from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.evaluate import evaluate, look_into
from lepton_lab.types import Dataset, Model
from tests.models_fixture import copy_of, truncate


def outside(file: Path) -> Model:
    kind = "keras" if file.suffix == ".keras" else "tflite"
    return Model(file.name, file.parent, "file", "exported", kind, (), (), 0, outside=file)


@pytest.mark.parametrize("which", ["cnn", "int8_cnn"])
def test_a_file_is_evaluated_as_the_model_it_holds(
    which: str, digits: Dataset, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    model: Model = request.getfixturevalue(which)
    file = copy_of(model, tmp_path / "m").file
    file = file.rename(tmp_path / f"elsewhere{file.suffix}")
    found = look_into(outside(file), digits, "test")
    assert (found.input_shape, found.output_shape, found.file) == ((8, 8, 1), (10,), file)
    assert evaluate(found, digits).metrics == evaluate(model, digits).metrics


def test_a_file_with_several_outputs(mixed: tuple[Model, Dataset]) -> None:
    model, dataset = mixed
    found = look_into(outside(model.file), dataset, "test")
    assert (found.input_shape, found.output_shape) == ((), ())
    assert evaluate(found, dataset).metrics == evaluate(model, dataset).metrics


@pytest.mark.parametrize("which", ["cnn", "int8_cnn"])
def test_rows_of_another_shape(which: str, table: Dataset, request: pytest.FixtureRequest) -> None:
    model: Model = request.getfixturevalue(which)
    with pytest.raises(
        InputError, match=r"can't be run on the rows of 'table' of shape \(3,\): .*; name the data"
    ) as e:
        look_into(outside(model.file), table, "test")
    assert "\n" not in str(e.value)


def test_answers_for_another_target(cnn: Model, digits: Dataset) -> None:
    from dataclasses import replace

    other = replace(digits, target=replace(digits.target, classes=("a", "b", "c")))
    with pytest.raises(InputError, match=r"'model.keras' answers with 10 numbers a row, but 'digits' needs 3"):
        look_into(outside(cnn.file), other, "test")


@pytest.mark.parametrize("which", ["cnn", "int8_cnn"])
def test_a_file_cut_short(which: str, digits: Dataset, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    file = copy_of(request.getfixturevalue(which), tmp_path / "m").file
    truncate(file)
    with pytest.raises(InputError, match=f"{file} can't be"):
        look_into(outside(file), digits, "test")


def test_no_such_split(cnn: Model, digits: Dataset) -> None:
    with pytest.raises(UnknownNameError, match="no split 'held'"):
        look_into(outside(cnn.file), digits, "held")
