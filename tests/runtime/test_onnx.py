"""ONNX files that would do more than compute, or that take their rows in another way than the lab's own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lepton_lab.errors import InputError, MissingExtraError
from lepton_lab.runtime import open_model, read_onnx


def write(
    file: Path, num_rows: int | str = "n", dtype: int = TensorProto.FLOAT, domain: str = "", **options: Any
) -> Path:
    """A file that doubles rows of three numbers."""
    two = numpy_helper.from_array(np.full(3, 2, helper.tensor_dtype_to_np_dtype(dtype)), "two")
    ends = [helper.make_tensor_value_info(name, dtype, (num_rows, 3)) for name in ("in", "out")]
    node = helper.make_node("Mul", ["in", "two"], ["out"], domain=domain)
    graph = helper.make_graph([node], "g", ends[:1], ends[1:], [two])
    imports = [helper.make_opsetid("", 17), *([helper.make_opsetid(domain, 1)] if domain else [])]
    onnx.save_model(helper.make_model(graph, opset_imports=imports, ir_version=8), file, **options)
    return file


@pytest.mark.parametrize("num_rows", [1, 3, 4, 5])
def test_as_many_rows_at_a_time_as_it_takes(tmp_path: Path, num_rows: int) -> None:
    rows = np.arange(12, dtype=np.float32).reshape(4, 3)
    found = open_model(write(tmp_path / "m.onnx", num_rows=num_rows)).run(rows)
    assert found.shape == (4, 3) and (found == 2 * rows).all()


def test_doubles_are_given_doubles(tmp_path: Path) -> None:
    opened = open_model(write(tmp_path / "m.onnx", dtype=TensorProto.DOUBLE))
    assert opened.inputs[0].dtype == "float64" and opened.num_parameters == 3
    assert opened.run(np.ones((2, 3), np.uint8)).tolist() == [[2.0] * 3] * 2


def test_rows_of_another_shape(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be run by ONNX Runtime") as caught:
        open_model(write(tmp_path / "m.onnx")).run(np.ones((2, 4)))
    assert "\n" not in str(caught.value)


def test_weights_in_a_file_beside(tmp_path: Path) -> None:
    external = {"save_as_external_data": True, "location": "weights.bin", "size_threshold": 0}
    file = write(tmp_path / "m.onnx", **external)
    assert (tmp_path / "weights.bin").is_file()
    assert open_model(file).run(np.ones((1, 3))).tolist() == [[2.0] * 3]


@pytest.mark.parametrize("place", ["../secret.bin", "{}/secret.bin", "link.bin"])
def test_weights_outside_the_folder(tmp_path: Path, place: str) -> None:
    (tmp_path / "secret.bin").write_bytes(np.full(3, 2, np.float32).tobytes())
    folder = tmp_path / "inside"
    folder.mkdir()
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    file = write(folder / "m.onnx")
    model = onnx.load_model(file)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place.format(tmp_path))
    file.write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match=r"weights 'two' are in '.*', outside its folder"):
        read_onnx(file)


def test_an_operation_of_ones_own(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"operation 'Mul' is of 'com\.evil', and only ONNX's"):
        open_model(write(tmp_path / "m.onnx", domain="com.evil"))


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_is_named(tmp_path: Path, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "m.onnx")
    monkeypatch.setitem(sys.modules, package, None)  # as Python has it where a package can't be imported
    with pytest.raises(MissingExtraError, match=rf"'{package}': pip install \"lepton-lab\[onnx\]\""):
        open_model(file)
