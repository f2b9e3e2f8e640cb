import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton_lab.errors import InputError
from lepton_lab.runtime import import_keras3, predict, read_endings, read_ends
from lepton_lab.types import Dataset, Model
from tests.models_fixture import keras


def test_layers_give_the_names(mixed: tuple[Model, Dataset]) -> None:
    ends = read_ends(mixed[0].file)
    assert ends.inputs == {"table": (2,), "image": (4, 4, 1)}
    assert ends.outputs == ("tags", "kind", "price")


def test_a_tflite_file(mixed_int8: Model, tmp_path: Path) -> None:
    ends = read_ends(mixed_int8.file)
    assert ends.inputs == {"image": (4, 4, 1), "table": (2,)} and set(ends.outputs) == {"tags", "kind", "price"}
    broken = tmp_path / "model.tflite"
    broken.write_bytes(mixed_int8.file.read_bytes()[:400])
    with pytest.raises(InputError, match=r"model.tflite can't be read"):
        read_ends(broken)


def test_one_of_each(cnn: Model) -> None:
    ends = read_ends(cnn.file)
    assert ends.inputs == {"rows": (8, 8, 1)} and len(ends.outputs) == 1


def test_a_model_made_with_dicts(tmp_path: Path) -> None:
    layers = keras().layers
    one, other = keras().Input((2,), name="in1"), keras().Input((3,), name="in2")
    outputs = {"sum": layers.Dense(1, name="out")(layers.concatenate([one, other])), "last": layers.Dense(4)(other)}
    keras().Model({"one": one, "other": other}, outputs).save(tmp_path / "dicts.keras")
    ends = read_ends(tmp_path / "dicts.keras")
    assert ends.inputs == {"one": (2,), "other": (3,)}
    assert set(ends.outputs) == {"sum", "last"}


@pytest.mark.parametrize("library", ["tf_keras", "keras"])
def test_outputs_of_one_layer_have_names_of_their_own(tmp_path: Path, library: str) -> None:
    one = import_keras3() if library == "keras" else keras()
    rows, twice = one.Input((2,)), one.layers.Dense(1, activation="relu", name="d")
    model = one.Model(rows, [twice(rows), one.layers.Dense(3, name="d_1")(rows), twice(rows * 2.0), twice(rows * 3.0)])
    model.save(tmp_path / "twice.keras")
    names = ["d", "d_1", "d_2", "d_3"]
    assert read_ends(tmp_path / "twice.keras").outputs == tuple(names)
    assert list(read_endings(tmp_path / "twice.keras")) == names
    given = np.array([[1, 2], [-3, 1]], np.float32)
    answers = predict(tmp_path / "twice.keras", given)
    for name, expected in zip(names, model(given), strict=True):
        np.testing.assert_allclose(answers[name].reshape(2, -1), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"layers": []}, "holds no functional model"),
        ({"layers": [], "input_layers": [["a", 0, 0]], "output_layers": []}, "inputs or outputs are damaged"),
        ({"layers": [3], "input_layers": [], "output_layers": []}, "inputs or outputs are damaged"),
        ({"layers": [], "input_layers": 3, "output_layers": []}, "inputs or outputs are damaged"),
    ],
)
def test_a_config_that_is_none(tmp_path: Path, config: dict[str, Any], words: str) -> None:
    with zipfile.ZipFile(tmp_path / "x.keras", "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "2.21.0"}))
        archive.writestr("config.json", json.dumps({"class_name": "Functional", "config": config}))
    with pytest.raises(InputError, match=words):
        read_ends(tmp_path / "x.keras")
