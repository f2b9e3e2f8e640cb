"""The model beside this file: what it takes, and its answers to tensors as the Open Inference Protocol writes them."""

from __future__ import annotations

import math
import queue
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

MOST_ROWS = 256
"""That are computed together, so that a request with very many needs no more memory than this."""
DATATYPES = {"float32": "FP32", "uint8": "UINT8", "int8": "INT8", "int32": "INT32", "int64": "INT64", "bool": "BOOL"}
"""The protocol's names of NumPy's types."""


class RefusedError(Exception):
    """A request that can't be answered as it is: the HTTP status, and why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Model:
    """A `.tflite` file, in as many interpreters as may compute at once: threads that share one spoil its answers.

    Parameters
    ----------
    manifest
        What `manifest.json` says of it.
    threads
        How many interpreters.
    """

    def __init__(self, file: Path, manifest: dict[str, Any], threads: int) -> None:
        self.name = str(manifest["model"])
        self._content = file.read_bytes()
        self._free: queue.LifoQueue[Any] = queue.LifoQueue()
        for _ in range(threads):
            self._free.put(self._interpreter())
        (self._input,), (self._output,) = manifest["inputs"], manifest["outputs"]
        self._dtype = np.dtype(self._input["dtype"])
        self._datatype = DATATYPES[self._dtype.name]
        self._rows_at_once = MOST_ROWS if self._input["shape"][0] == -1 else 1

    def describe(self) -> dict[str, Any]:
        """The protocol's metadata of the model."""
        return {
            "name": self.name,
            "versions": ["1"],
            "platform": "litert",
            "inputs": [{"name": self._input["name"], "datatype": self._datatype, "shape": self._input["shape"]}],
            "outputs": [{"name": self._output["name"], "datatype": "FP32", "shape": self._output["shape"]}],
        }

    def infer(self, request: Any) -> dict[str, Any]:
        """The protocol's answer to a request; raises `RefusedError` if it isn't one that the model can take."""
        answers = self._answer(self._rows(request))
        if not np.isfinite(answers).all():
            raise RefusedError(500, "the model's answer is not a finite number, which JSON can't say")
        told = {"name": self._output["name"], "datatype": "FP32", "shape": list(answers.shape)}
        known = {"id": request["id"]} if isinstance(request.get("id"), str) else {}
        outputs = [{**told, "data": answers.ravel().tolist()}]
        return {"model_name": self.name, "model_version": "1", **known, "outputs": outputs}

    def _rows(self, request: Any) -> NDArray[Any]:
        """The rows in a request, shape (n, *input_shape)."""
        name, shapes = self._input["name"], self._input["shape"]
        tensors = request.get("inputs") if isinstance(request, dict) else None
        if not isinstance(tensors, list) or len(tensors) != 1 or not isinstance(tensors[0], dict):
            raise RefusedError(400, f"expected an object with 'inputs', a list of one tensor called {name!r}")
        tensor, shape = tensors[0], tensors[0].get("shape")
        if tensor.get("name") != name:
            raise RefusedError(400, f"there is no input {tensor.get('name')!r}, only {name!r}")
        if tensor.get("datatype") != self._datatype:
            raise RefusedError(400, f"the datatype is {tensor.get('datatype')!r}, expected {self._datatype!r}")
        if not isinstance(shape, list) or not all(type(size) is int and size > 0 for size in shape):
            raise RefusedError(400, "the shape must be a list of whole numbers, each at least 1")
        if shape[1:] != shapes[1:] or len(shape) != len(shapes):
            raise RefusedError(400, f"the shape is {shape}, expected {['n', *shapes[1:]]}")
        wanted, known = request.get("outputs") or [], self._output["name"]
        if not isinstance(wanted, list) or any(not isinstance(o, dict) or o.get("name") != known for o in wanted):
            raise RefusedError(400, f"'outputs' must be a list of tensors called {known!r}")
        values = self._values(tensor.get("data"))
        if values.size != math.prod(shape):
            raise RefusedError(400, f"the data has {values.size} numbers, and the shape {shape} {math.prod(shape)}")
        return values.reshape(shape)

    def _values(self, data: Any) -> NDArray[Any]:
        try:
            given = np.asarray(data)
        except ValueError:  # nested in another way than a tensor
            given = np.asarray(None)
        if given.dtype.kind not in ("b" if self._dtype.kind == "b" else "iuf"):
            what = "true or false" if self._dtype.kind == "b" else "numbers"
            raise RefusedError(400, f"the data must be {what}, in one list or nested as the shape says")
        with np.errstate(all="ignore"):
            values = given.astype(self._dtype)
        is_whole = given.dtype.kind != "f" or self._dtype.kind != "f"  # such numbers are never rounded
        if not np.isfinite(values).all() or (is_whole and (values != given).any()):
            raise RefusedError(400, f"the data must be numbers that {self._datatype} can hold")
        return values

    def _answer(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        interpreter = self._free.get()
        try:
            step = self._rows_at_once
            return np.concatenate([_run(interpreter, rows[n : n + step]) for n in range(0, len(rows), step)])
        except BaseException:
            interpreter = self._interpreter()  # the old one may be left in any state
            raise
        finally:
            self._free.put(interpreter)

    def _interpreter(self) -> Any:
        interpreter = Interpreter(model_content=self._content, num_threads=1)
        interpreter.allocate_tensors()
        return interpreter


def _run(interpreter: Any, rows: NDArray[Any]) -> NDArray[np.float32]:
    place = interpreter.get_input_details()[0]
    if len(rows) != place["shape"][0]:
        interpreter.resize_tensor_input(place["index"], rows.shape)
        interpreter.allocate_tensors()
    interpreter.reset_all_variables()  # what a recurrent layer remembers is of other rows
    interpreter.set_tensor(place["index"], np.ascontiguousarray(rows))
    interpreter.invoke()
    return np.asarray(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]), np.float32)
