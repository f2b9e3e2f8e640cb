"""Every kind of file by one function, and two kinds without TensorFlow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lepton_lab.errors import InputError
from lepton_lab.export import FORMATS, export
from lepton_lab.runtime import load_keras, open_model, open_rows, predict, to_tflite
from lepton_lab.types import Dataset, Model
from tests.models_fixture import make_of_zoo
from tests.zoo import BUILDERS

KINDS = ("keras", "tflite", "onnx", "saved_model")

FRESH = """
import sys
from pathlib import Path
import numpy as np
from lepton_lab.runtime import predict
rows = np.load(sys.argv[1])
for name in sys.argv[2:]:
    np.save(name + ".npy", predict(Path(name), rows))
assert not {"tensorflow", "tf_keras", "keras"} & set(sys.modules)
"""


def exported(model: Model, kind: str, folder: Path) -> Path:
    return export(model, kind, folder / f"{model.name}{FORMATS[kind].SUFFIX}", None, rows=1).path


@pytest.mark.parametrize("kind", KINDS)
def test_what_goes_in_and_comes_out(kind: str, cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    opened = open_model(exported(cnn, kind, tmp_path), threads=None)
    assert [(port.name, port.shape, port.dtype) for port in opened.inputs] == [("rows", (-1, 8, 8, 1), "float32")]
    assert [port.dtype for port in opened.outputs] == ["float32"] and opened.outputs[0].shape[1:] == (10,)
    assert cnn.num_parameters <= opened.num_parameters <= cnn.num_parameters + 10
    answers = opened.run(open_rows(digits, "test")[0][:7])
    assert answers.shape == (7, 10) and answers.dtype == np.float32


@pytest.mark.parametrize("kind", ["tflite", "onnx"])
def test_a_process_without_tensorflow_answers_alike(kind: str, digits: Dataset, tmp_path: Path) -> None:
    models = [make_of_zoo(name) for name in BUILDERS]
    files = [exported(model, kind, tmp_path) for model in models]
    rows = digits.folder / "test" / "x.npy"
    subprocess.run([sys.executable, "-c", FRESH, rows, *files], check=True, cwd=Path(__file__).parents[2])
    for model, file in zip(models, files, strict=True):
        ours = predict(model.file, np.load(rows))
        assert np.abs(np.load(f"{file}.npy") - ours).max() < 1e-5, model.name


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_file(kind: str, share: float, cnn: Model, tmp_path: Path) -> None:
    path = exported(cnn, kind, tmp_path)
    files = [path] if path.is_file() else [path / "saved_model.pb", *path.glob("variables/*.data*")]
    for file in files:
        whole = file.read_bytes()
        file.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(InputError, match=rf"{path.name}.* can't be (run|read|loaded)|no SavedModel") as caught:
            predict(path, np.zeros((1, 8, 8, 1)))
        assert "\n" not in str(caught.value)
        file.write_bytes(whole)


def test_what_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "model.h5").write_bytes(b"x")
    with pytest.raises(InputError, match=r"model\.h5 can't be run: give a \.keras"):
        open_model(tmp_path / "model.h5")
    with pytest.raises(InputError, match=r"gone\.onnx is missing"):
        open_model(tmp_path / "gone.onnx")
    with pytest.raises(InputError, match="can't be read as a SavedModel"):
        open_model(tmp_path)


def test_several_inputs_have_the_names_of_the_keras_model(mixed: tuple[Model, Dataset], tmp_path: Path) -> None:
    (tmp_path / "mixed.tflite").write_bytes(to_tflite(load_keras(mixed[0].file)))
    model = open_model(tmp_path / "mixed.tflite")
    assert {port.name: port.shape for port in model.inputs} == {"image": (-1, 4, 4, 1), "table": (-1, 2)}
    assert {port.name for port in model.outputs} == {"kind", "price", "tags"}
