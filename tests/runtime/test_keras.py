from pathlib import Path

import pytest

from lepton_lab.errors import InputError
from lepton_lab.runtime import load_keras
from lepton_lab.types import Model
from tests.models_fixture import copy_of, keras, truncate


def test_loads_what_was_saved(cnn: Model) -> None:
    assert load_keras(cnn.file).count_params() == cnn.num_parameters


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone.keras is missing"):
        load_keras(tmp_path / "gone.keras")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.95])
def test_a_truncated_file_is_an_input_error(cnn: Model, tmp_path: Path, share: float) -> None:
    model = copy_of(cnn, tmp_path / "cnn")
    truncate(model.file, share)
    with pytest.raises(InputError, match="can't be loaded as a Keras model"):
        load_keras(model.file)


def test_code_in_the_file_is_not_run(tmp_path: Path) -> None:
    layers = keras().layers
    inputs = layers.Input((3,))
    keras().Model(inputs, layers.Lambda(lambda rows: rows * 2)(inputs)).save(tmp_path / "lambda.keras")
    with pytest.raises(InputError, match="can't be loaded"):
        load_keras(tmp_path / "lambda.keras")
