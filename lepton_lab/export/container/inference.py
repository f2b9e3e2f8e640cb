"""The model beside this file: what it takes, and its answers to tensors as the Open Inference Protocol writes them."""

from __future__ import annotations

import math
import queue
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

MOST_ROWS = 256
"""That are computed together, so that a request with very many needs no more memory than this."""
TEXT = "string"
"""What `manifest.json` calls the dtype of text, which NumPy has no one name for."""
DATATYPES = {
    "float32": "FP32",
    "uint8": "UINT8",
    "int8": "INT8",
    "int32": "INT32",
    "int64": "INT64",
    "bool": "BOOL",
    TEXT: "BYTES",
}
"""The protocol's names of NumPy's types."""


class RefusedError(Exception):
    """A request that can't be answered as it is: the HTTP status, and why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Tensor:
    """An input or output of the model."""

    name: str
    shape: list[int]
    """-1 is any number of rows."""
    dtype: str

    def describe(self) -> dict[str, Any]:
        """The protocol's metadata of it."""
        return {"name": self.name, "datatype": DATATYPES[self.dtype], "shape": self.shape}

    def rows(self, tensor: dict[str, Any]) -> NDArray[Any]:
        """What a request has for this input, shape (n, *shape[1:])."""
        shape = tensor.get("shape")
        if tensor.get("datatype") != DATATYPES[self.dtype]:
            raise RefusedError(400, f"the datatype is {tensor.get('datatype')!r}, expected {DATATYPES[self.dtype]!r}")
        if not isinstance(shape, list) or not all(type(size) is int and size > 0 for size in shape):
            raise RefusedError(400, "the shape must be a list of whole numbers, each at least 1")
        if shape[1:] != self.shape[1:] or len(shape) != len(self.shape):
            raise RefusedError(400, f"the shape is {shape}, expected {['n', *self.shape[1:]]}")
        values = self._values(tensor.get("data"))
        if values.size != math.prod(shape):
            raise RefusedError(400, f"the data has {values.size} values, and the shape {shape} {math.prod(shape)}")
        return values.reshape(shape)

    def _values(self, data: Any) -> NDArray[Any]:
        kinds, what = {"bool": ("b", "true or false"), TEXT: ("U", "text")}.get(self.dtype, ("iuf", "numbers"))
        try:
            given = np.asarray(data)
        except ValueError:  # nested in another way than a tensor
            given = np.asarray(None)
        if given.dtype.kind not in kinds:
            raise RefusedError(400, f"the data must be {what}, in one list or nested as the shape says")
        if self.dtype == TEXT:
            return given
        dtype = np.dtype(self.dtype)
        with np.errstate(all="ignore"):
            values = given.astype(dtype)
        is_whole = given.dtype.kind != "f" or dtype.kind != "f"  # such numbers are never rounded
        if not np.isfinite(values).all() or (is_whole and (values != given).any()):
            raise RefusedError(400, f"the data must be numbers that {DATATYPES[self.dtype]} can hold")
        return values


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
        self._resolver = OpResolverType.AUTO
        self._free: queue.LifoQueue[Any] = queue.LifoQueue()
        for _ in range(threads):
            self._free.put(self._interpreter())
        # in the order of the file's own tensors
        self._inputs, self._outputs = (
            [Tensor(one["name"], one["shape"], one["dtype"]) for one in manifest[side]]
            for side in ("inputs", "outputs")
        )
        self._rows_at_once = MOST_ROWS if all(one.shape[0] == -1 for one in self._inputs) else 1

    def describe(self) -> dict[str, Any]:
        """The protocol's metadata of the model."""
        return {
            "name": self.name,
            "versions": ["1"],
            "platform": "litert",
            "inputs": [one.describe() for one in self._inputs],
            "outputs": [{**one.describe(), "datatype": "FP32"} for one in self._outputs],
        }

    def infer(self, request: Any) -> dict[str, Any]:
        """The protocol's answer to a request; raises `RefusedError` if it isn't one that the model can take."""
        rows = self._rows(request)
        wanted = self._wanted(request)
        answers = dict(zip([one.name for one in self._outputs], self._answer(rows), strict=True))
        if not all(np.isfinite(answers[name]).all() for name in wanted):
            raise RefusedError(500, "the model's answer is not a finite number, which JSON can't say")
        outputs = [
            {
                "name": name,
                "datatype": "FP32",
                "shape": list(answers[name].shape),
                "data": answers[name].ravel().tolist(),
            }
            for name in wanted
        ]
        known = {"id": request["id"]} if isinstance(request.get("id"), str) else {}
        return {"model_name": self.name, "model_version": "1", **known, "outputs": outputs}

    def _rows(self, request: Any) -> list[NDArray[Any]]:
        """The rows of each input, in the inputs' order."""
        names = [one.name for one in self._inputs]
        tensors = request.get("inputs") if isinstance(request, dict) else None
        if not isinstance(tensors, list) or not all(isinstance(tensor, dict) for tensor in tensors):
            raise RefusedError(400, f"expected an object with 'inputs', a list of tensors called {_listed(names)}")
        given = [tensor.get("name") for tensor in tensors]
        for name in given:
            if name not in names:
                raise RefusedError(400, f"there is no input {name!r}, only {_listed(names)}")
        if sorted(given) != sorted(names):
            raise RefusedError(400, f"'inputs' must have one tensor each called {_listed(names)}")
        rows = [one.rows(tensors[given.index(one.name)]) for one in self._inputs]
        if len({len(part) for part in rows}) > 1:
            raise RefusedError(400, "the inputs must have as many rows as each other")
        return rows

    def _wanted(self, request: dict[str, Any]) -> list[str]:
        """The names of the outputs that are asked for."""
        names = [one.name for one in self._outputs]
        wanted = request.get("outputs") or [{"name": name} for name in names]
        if not isinstance(wanted, list) or any(not isinstance(o, dict) or o.get("name") not in names for o in wanted):
            raise RefusedError(400, f"'outputs' must be a list of tensors called {_listed(names)}")
        return [one["name"] for one in wanted]

    def _answer(self, rows: Sequence[NDArray[Any]]) -> list[NDArray[np.float32]]:
        """What each output says to all rows."""
        interpreter = self._free.get()
        try:
            try:
                return self._answer_by(interpreter, rows)
            except RuntimeError:  # XNNPACK takes some files for one row only
                self._resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
                interpreter = self._interpreter()
                return self._answer_by(interpreter, rows)
        except BaseException:
            interpreter = self._interpreter()  # the old one may be left in any state
            raise
        finally:
            self._free.put(interpreter)

    def _answer_by(self, interpreter: Any, rows: Sequence[NDArray[Any]]) -> list[NDArray[np.float32]]:
        step = self._rows_at_once
        parts = [_run(interpreter, [one[n : n + step] for one in rows]) for n in range(0, len(rows[0]), step)]
        return [np.concatenate(part) for part in zip(*parts, strict=True)]

    def _interpreter(self) -> Any:
        interpreter = Interpreter(
            model_content=self._content, num_threads=1, experimental_op_resolver_type=self._resolver
        )
        interpreter.allocate_tensors()
        return interpreter


def _listed(names: Sequence[str]) -> str:
    return " and ".join(repr(name) for name in names)


def _run(interpreter: Any, rows: Sequence[NDArray[Any]]) -> list[NDArray[np.float32]]:
    places = interpreter.get_input_details()
    if any(len(part) != place["shape"][0] for part, place in zip(rows, places, strict=True)):
        for part, place in zip(rows, places, strict=True):
            interpreter.resize_tensor_input(place["index"], part.shape)
        interpreter.allocate_tensors()
    interpreter.reset_all_variables()  # what a recurrent layer remembers is of other rows
    for part, place in zip(rows, places, strict=True):
        interpreter.set_tensor(place["index"], np.ascontiguousarray(_stored(part, place)))
    interpreter.invoke()
    return [_meant(interpreter.get_tensor(place["index"]), place) for place in interpreter.get_output_details()]


def _stored(part: NDArray[Any], place: dict[str, Any]) -> NDArray[Any]:
    """Rows as an input has them: one of whole numbers with a step takes such that stand for the rows' numbers."""
    step, zero = place["quantization"]
    if not step:
        return part
    limits = np.iinfo(place["dtype"])
    stored: NDArray[Any] = np.clip(np.rint(part / np.float32(step)) + zero, limits.min, limits.max)
    return stored.astype(place["dtype"])


def _meant(stored: NDArray[Any], place: dict[str, Any]) -> NDArray[np.float32]:
    """What an output's numbers stand for."""
    step, zero = place["quantization"]
    values = np.asarray(stored, np.float32)
    return (values - np.float32(zero)) * np.float32(step) if step else values
