"""LiteRT's interpreter, with the few things that Lepton Lab asks of it."""

from __future__ import annotations

import math
import time
import warnings
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import InputError
from lepton_lab.runtime._base import Port, as_answers, as_inputs
from lepton_lab.runtime._dtypes import TEXT
from lepton_lab.runtime._graph import Graph, Operation
from lepton_lab.runtime._keras import one_line

_WARM_UP = 20
_INVOCATIONS = (200, 5000)
_SECONDS = 0.3


class Interpreter:
    """Runs a `.tflite` file. Not to be shared between threads.

    Parameters
    ----------
    source
        The file, or its bytes.
    num_threads
        How many threads one invocation may use.
    keeps_all
        Whether `computed` is to tell what every operation wrote; it takes more memory.

    Raises
    ------
    InputError
        If LiteRT can't load or prepare the file.
    """

    def __init__(self, source: Path | bytes, num_threads: int = 1, *, keeps_all: bool = False) -> None:
        what = str(source) if isinstance(source, Path) else "the converted model"
        if isinstance(source, Path) and not source.is_file():
            raise InputError(f"The model's file {source} is missing; make the model again, or drop it.")
        # The bytes are read here, since a file that is replaced while it is mapped ends the process by a signal.
        self._content = source.read_bytes() if isinstance(source, Path) else source
        self._options = {"num_threads": num_threads, "experimental_preserve_all_tensors": keeps_all}
        self._is_plain = False
        try:
            self._open()
        except (ValueError, RuntimeError, IndexError) as error:
            reason = " ".join(str(error).split())[:300]
            raise InputError(f"{what} can't be run by LiteRT: {reason}; make it again.") from error

    def _open(self) -> None:
        from ai_edge_litert.interpreter import Interpreter as LiteRT
        from ai_edge_litert.interpreter import OpResolverType

        kind = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES if self._is_plain else OpResolverType.AUTO
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that to keep all takes memory, which its caller knows
            self._litert: Any = LiteRT(model_content=self._content, experimental_op_resolver_type=kind, **self._options)
        self._litert.allocate_tensors()
        self._inputs = self._litert.get_input_details()
        self._outputs = self._litert.get_output_details()
        self._rows = min(int(tensor["shape"][0]) for tensor in self._inputs)

    @cached_property
    def inputs(self) -> tuple[Port, ...]:
        """The file's inputs."""
        return self._ports(self._inputs, "input")

    @cached_property
    def outputs(self) -> tuple[Port, ...]:
        """The file's outputs."""
        return self._ports(self._outputs, "output")

    def _ports(self, details: list[dict[str, Any]], side: str) -> tuple[Port, ...]:
        names: dict[int, str] = {}
        if self.signature:
            runner = self._litert.get_signature_runner(self.signature)
            names = {d["index"]: name for name, d in getattr(runner, f"get_{side}_details")().items()}
        return tuple(
            Port(
                names.get(d["index"], d["name"]),
                d["name"],
                tuple(int(size) for size in d["shape_signature"]),
                _dtype(d),
            )
            for d in details
        )

    @property
    def num_parameters(self) -> int:
        """How many numbers its weights have: what operations read, and is neither an input nor computed."""
        details = {tensor["index"]: tensor for tensor in self._litert.get_tensor_details()}
        operations = self._litert._get_ops_details()
        made = {int(i) for op in operations for i in op["outputs"]} | {d["index"] for d in self._inputs}
        read = {int(i) for op in operations for i in op["inputs"]} & set(details)
        weights = [details[i] for i in read - made]
        # what is neither of floats nor scaled are shapes and axes
        return sum(
            math.prod(tensor["shape"].tolist())
            for tensor in weights
            if np.dtype(tensor["dtype"]).kind == "f" or tensor["quantization_parameters"]["scales"].size
        )

    @property
    def signature(self) -> str:
        """The key of the file's signature; empty where it has none."""
        return next(iter(self._litert.get_signature_list()), "")

    @property
    def operations(self) -> tuple[Operation, ...]:
        """What the file computes, in order, as it was written (without what a delegate makes of it)."""
        return Graph(self._content).operations

    def run(self, rows: NDArray[Any]) -> NDArray[Any]:
        """The model's answers; see `OpenedModel.run`."""
        given = list(as_inputs(rows, self.inputs).values())
        if len(rows) != self._rows and not self._resize(len(rows), given):
            return np.concatenate([self.run(rows[n : n + 1]) for n in range(len(rows))])
        self._litert.reset_all_variables()  # a fused LSTM would go on from the state that the rows before left
        for tensor, part in zip(self._inputs, given, strict=True):
            self._litert.set_tensor(tensor["index"], np.ascontiguousarray(_stored(part, tensor)))
        try:
            self._litert.invoke()
        except RuntimeError as error:
            if self._is_plain:
                raise InputError(f"The .tflite file can't answer: {one_line(error)}; make it again.") from error
            self._is_plain = True  # XNNPACK takes some files for one row only
            self._open()
            return self.run(rows)
        answers = [_meant(self._litert.get_tensor(tensor["index"]), tensor) for tensor in self._outputs]
        return as_answers(dict(zip([port.name for port in self.outputs], answers, strict=True)))

    def computed(self) -> dict[str, NDArray[np.float32]]:
        """What each operation wrote when `run` answered its last rows; for an interpreter that `keeps_all`.

        Returns
        -------
        By the tensor's name, float32 of the tensor's shape; what is in whole numbers as the numbers that it stands for.
        Tensors that share their name with another one are left out.
        """
        values: dict[str, NDArray[np.float32]] = {}
        for tensor in self._computed:
            values[tensor["name"]] = np.asarray(_meant(self._litert.get_tensor(tensor["index"]), tensor), np.float32)
        return values

    @cached_property
    def _computed(self) -> list[dict[str, Any]]:
        """LiteRT's details of the tensors that operations write."""
        details = self._litert.get_tensor_details()
        times = Counter(tensor["name"] for tensor in details)
        written = {output.name for operation in self.operations for output in operation.outputs}
        return [tensor for tensor in details if tensor["name"] in written and times[tensor["name"]] == 1]

    def _resize(self, num_rows: int, given: list[NDArray[Any]]) -> bool:
        """Prepare for another number of rows at a time; False if the file only takes one."""
        if num_rows != 1 and any(int(tensor["shape_signature"][0]) != -1 for tensor in self._inputs):
            return False
        try:
            self._allocate(num_rows, given)
        except (ValueError, RuntimeError):
            self._allocate(1, given)
        return self._rows == num_rows

    def _allocate(self, num_rows: int, given: list[NDArray[Any]]) -> None:
        for tensor, part in zip(self._inputs, given, strict=True):
            self._litert.resize_tensor_input(tensor["index"], (num_rows, *part.shape[1:]))
        self._litert.allocate_tensors()
        self._rows = num_rows

    def latency(self, row: NDArray[Any]) -> float:
        """Median seconds of one invocation, when warm.

        Parameters
        ----------
        row
            One raw row, shape (1, *input_shape).
        """
        self.run(row)
        for _ in range(_WARM_UP):
            self._litert.invoke()
        times: list[float] = []
        end = time.perf_counter() + _SECONDS
        while len(times) < _INVOCATIONS[1] and (len(times) < _INVOCATIONS[0] or time.perf_counter() < end):
            if len(times) >= 5 and time.perf_counter() > 10 * _SECONDS + end:
                break  # a model of over 15 ms a row: fewer invocations say enough
            start = time.perf_counter()
            self._litert.invoke()
            times.append(time.perf_counter() - start)
        return float(np.median(times))


def _dtype(details: dict[str, Any]) -> str:
    """Of the numbers that a tensor takes or gives: those that it stores may stand for them, see `_stored`."""
    dtype = np.dtype(details["dtype"])
    return TEXT if dtype.kind in "SO" else "float32" if details["quantization"][0] else dtype.name


def _stored(part: NDArray[Any], details: dict[str, Any]) -> NDArray[Any]:
    """Rows as an input has them: one of whole numbers with a step takes such that stand for the rows' numbers."""
    step, zero = details["quantization"]
    if not step:
        return part
    limits = np.iinfo(details["dtype"])
    stored: NDArray[Any] = np.clip(np.rint(part / np.float32(step)) + zero, limits.min, limits.max)
    return stored.astype(details["dtype"])


def _meant(stored: NDArray[Any], details: dict[str, Any]) -> NDArray[Any]:
    """What a tensor's numbers stand for."""
    step, zero = details["quantization"]
    return (np.asarray(stored, np.float32) - np.float32(zero)) * np.float32(step) if step else stored
