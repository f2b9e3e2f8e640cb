"""What `_keras.py` and `_tflite.py` say of the files they write."""

import importlib
from pathlib import Path

import pytest

from lepton_lab.export import FORMATS
from lepton_lab.types import Model


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_writes_and_describes(name: str, cnn: Model, tmp_path: Path) -> None:
    module = importlib.import_module(f"lepton_lab.export._{name}")
    file = tmp_path / f"model{module.SUFFIX}"
    module.check(cnn)
    module.write(cnn, file)
    ends = module.ends(file)
    assert [(port.name, port.shape, port.dtype) for port in ends.inputs] == [("rows", (-1, 8, 8, 1), "float32")]
    assert [(port.shape, port.dtype) for port in ends.outputs] == [((-1, 10), "float32")]
    assert ends.as_json()["input_names"]["rows"] == ends.inputs[0].tensor
