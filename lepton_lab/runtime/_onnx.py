"""A `.onnx` file, run by ONNX Runtime."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import InputError, MissingExtraError
from lepton_lab.runtime._base import Port, as_answers, as_inputs
from lepton_lab.runtime._keras import one_line

ONNX_EXTRA = '"lepton-lab[onnx]"'
"""What to `pip install` for ONNX."""
_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")  # what ONNX Runtime has itself, without other libraries
_DTYPES = {"float": "float32", "double": "float64"}  # as ONNX Runtime calls them, where NumPy has another name
_NOT_LEARNT = ("int32", "int64", "bool")  # of shapes, indices and biases' copies, not of weights


def read_onnx(path: Path) -> Any:
    """The `onnx.ModelProto` in a file, with the weights that lie in other files of its folder.

    Raises
    ------
    InputError
        If it is damaged, names a file outside its folder, or has operations that are not ONNX's own.
    MissingExtraError
        If onnx is not installed.
    """
    try:
        import onnx
    except ImportError:
        raise MissingExtraError("onnx", "Reading a .onnx file", ONNX_EXTRA) from None
    try:
        model = onnx.load_model(path, load_external_data=False)
        _check_files(model, path)
        _check_operations(model, path)
        onnx.load_external_data_for_model(model, str(path.parent))
        onnx.checker.check_model(model)
    except InputError:
        raise
    except Exception as error:  # protobuf's, onnx's and the system's
        raise InputError(f"{path} can't be read as an ONNX model: {one_line(error)}") from None
    return model


class OnnxModel:
    """Runs a `.onnx` file.

    Parameters
    ----------
    path
        The file; it can't be run if it does more than compute.
    threads
        How many threads one operation may use; None for as many as there are cores.

    Raises
    ------
    InputError
        As `read_onnx`, or if ONNX Runtime can't run it.
    MissingExtraError
        If onnx or onnxruntime is not installed.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        try:
            import onnxruntime
        except ImportError:
            raise MissingExtraError("onnxruntime", "Running a .onnx file", ONNX_EXTRA) from None
        self._path, self._model = path, read_onnx(path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.log_severity_level = 3
        try:
            content = self._model.SerializeToString()
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # each failure has a class of its own, with nothing in common
            raise self._failed(error) from None

    @property
    def inputs(self) -> tuple[Port, ...]:
        """The file's inputs."""
        return tuple(map(_port, self._session.get_inputs()))

    @property
    def outputs(self) -> tuple[Port, ...]:
        """The file's outputs."""
        return tuple(map(_port, self._session.get_outputs()))

    @property
    def num_parameters(self) -> int:
        """How many numbers its weights have."""
        from onnx.helper import tensor_dtype_to_np_dtype

        weights = self._model.graph.initializer
        learnt = (one for one in weights if tensor_dtype_to_np_dtype(one.data_type).name not in _NOT_LEARNT)
        return sum(math.prod(one.dims) for one in learnt)

    def run(self, rows: NDArray[Any]) -> NDArray[Any]:
        """The model's answers; see `OpenedModel.run`."""
        fixed = max((port.shape[0] for port in self.inputs if port.shape), default=-1)
        if len(rows) != fixed > 0:  # as many rows at a time as it takes, the last of them filled up
            parts = [np.arange(start, start + fixed) % len(rows) for start in range(0, len(rows), fixed)]
            return np.concatenate([self.run(rows[part]) for part in parts])[: len(rows)]
        batch = {
            name: part.astype(object) if part.dtype.kind in "US" else np.ascontiguousarray(part)  # text as it takes it
            for name, part in as_inputs(rows, self.inputs).items()
        }
        try:
            return as_answers(dict(zip([p.name for p in self.outputs], self._session.run(None, batch), strict=True)))
        except Exception as error:
            raise self._failed(error) from None

    def _failed(self, error: Exception) -> InputError:
        return InputError(f"{self._path} can't be run by ONNX Runtime: {one_line(error)}")


def _port(end: Any) -> Port:
    shape = tuple(size if isinstance(size, int) else -1 for size in end.shape)
    dtype = end.type.removeprefix("tensor(").removesuffix(")")
    return Port(end.name, end.name, shape, _DTYPES.get(dtype, dtype))


def _messages(message: Any, kind: str) -> Iterator[Any]:
    """All messages of a kind inside a message, at every depth: graphs hold graphs in their nodes' attributes."""
    waiting = [message]
    while waiting:
        one = waiting.pop()
        if one.DESCRIPTOR.name == kind:
            yield one
        for field, value in one.ListFields():
            if field.message_type is not None:
                waiting.extend([value] if hasattr(value, "ListFields") else value)


def _check_files(model: Any, path: Path) -> None:
    folder = path.parent.resolve()
    for tensor in _messages(model, "TensorProto"):
        for entry in tensor.external_data:
            if entry.key == "location" and not (folder / entry.value).resolve().is_relative_to(folder):
                raise InputError(
                    f"{path} is not read: its weights {tensor.name[:80]!r} are in {entry.value[:200]!r}, outside its "
                    "folder; save it with all its weights inside."
                )


def _check_operations(model: Any, path: Path) -> None:
    own = {(function.domain, function.name) for function in model.functions}
    for node in _messages(model, "NodeProto"):
        if node.domain not in _DOMAINS and (node.domain, node.op_type) not in own:
            raise InputError(
                f"{path} is not run: its operation {node.op_type[:80]!r} is of {node.domain[:80]!r}, and only ONNX's "
                "own operations are run; export it without custom operations."
            )
