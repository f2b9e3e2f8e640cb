import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lepton_lab.errors import ConversionError
from lepton_lab.export._agreement import agree, agreement_with_parent, check_agreement, rows_to_try, scale
from lepton_lab.runtime import predict
from lepton_lab.types import Dataset, Model, by_name
from tests.models_fixture import keras


def test_classes_and_differences() -> None:
    ours = np.array([[0.9, 0.1], [0.4, 0.6]])
    found = agree(ours, np.array([[0.8, 0.2], [0.55, 0.45]]))
    assert found.rows == 2 and found.same_answer == 0.5 and found.max_difference == pytest.approx(0.15)


def test_numbers_agree_relative_to_their_scale() -> None:
    ours = np.array([[1e6], [2.0]])
    assert agree(ours, ours + 1).same_answer == 1.0
    assert agree(ours, ours + 100).same_answer == 0.0


def test_answers_that_are_not_numbers_do_not_agree() -> None:
    assert agree(np.ones((2, 3)), np.full((2, 3), np.nan)).max_difference == float("inf")


def test_answers_that_are_no_numbers_in_the_same_places_agree() -> None:
    ours = np.array([[0.9, 0.1], [np.nan, np.nan], [np.inf, 0.5], [0.4, 0.6]])
    found = agree(ours, ours + np.array([[0.0, 0.25]]))
    assert found.max_difference == pytest.approx(0.25) and found.same_answer == 1.0 and scale(ours) == 0.9
    alone = np.array([[np.nan], [2.0]])
    assert agree(alone, alone).same_answer == 1.0
    for other in (ours[::-1], np.where(np.isnan(ours), 0, ours), np.where(np.isinf(ours), -np.inf, ours)):
        assert agree(ours, other).max_difference == float("inf")


def test_a_row_without_a_number_is_compared_and_a_model_without_any_is_not(cnn: Model, tmp_path: Path) -> None:
    rows = keras().Input((3,), name="rows")
    answers = keras().layers.Dense(2)(rows)
    keras().Model(rows, answers / answers).save(tmp_path / "model.keras")
    model = replace(cnn, name="odd", folder=tmp_path)
    given = np.array([[0, 0, 0], [1, 2, 3]], np.float32)
    shutil.copy(model.file, tmp_path / "same.keras")
    assert check_agreement(model, tmp_path / "same.keras", given).max_difference == 0
    with pytest.raises(ConversionError, match="'odd' answers none of 1 rows with a number"):
        check_agreement(model, tmp_path / "same.keras", given[:1])


def test_a_file_that_answers_otherwise_is_refused(cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    model = keras().models.load_model(cnn.file, compile=False)
    model.set_weights([weight * 1.01 for weight in model.get_weights()])
    model.save(tmp_path / "other.keras")
    rows, _ = rows_to_try(cnn, digits, 20)
    with pytest.raises(ConversionError, match=r"differ from those of 'cnn' by up to .* on 20 rows"):
        check_agreement(cnn, tmp_path / "other.keras", rows)


def test_the_same_file_agrees_wholly(cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    shutil.copy(cnn.file, tmp_path / "same.keras")
    rows, source = rows_to_try(cnn, digits, 20)
    assert source == "digits/test" and len(rows) == 20 and len(np.unique(rows, axis=0)) > 15
    assert check_agreement(cnn, tmp_path / "same.keras", rows).max_difference == 0


def test_beside_the_parent_the_output_that_agrees_least_counts(mixed: tuple[Model, Dataset], mixed_int8: Model) -> None:
    rows, _ = rows_to_try(mixed_int8, mixed[1], 50)
    found = agreement_with_parent(mixed_int8, mixed_int8.file, rows)
    ours, theirs = (by_name(predict(one.file, rows)) for one in (mixed[0], mixed_int8))
    apart = {name: float(abs(ours[name] - theirs[name]).max()) for name in ours}
    assert found is not None and found["rows"] == 50 and found["same_answer"] > 0.9
    assert found["max_difference"] == pytest.approx(max(apart.values()))


def test_no_more_rows_than_there_are(cnn: Model, digits: Dataset) -> None:
    assert len(rows_to_try(cnn, digits, 10_000)[0]) == 597
