"""LiteRT's interpreter, with the few things that Lepton Lab asks of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import InputError

_WARM_UP = 20
_INVOCATIONS = (200, 5000)
_SECONDS = 0.3


@dataclass(frozen=True)
class Port:
    """An input or output of a `.tflite` file."""

    name: str
    """As the Keras model calls it."""
    tensor: str
    """As the file calls it; which name it gets depends on how the file was made."""
    shape: tuple[int, ...]
    """With the batch as its first dimension; -1 where any number of rows may come."""
    dtype: str


@dataclass(frozen=True)
class Operation:
    """One operation of a `.tflite` file."""

    kind: str
    """TensorFlow Lite's name: `"CONV_2D"`."""
    inputs: tuple[str, ...]
    """Names of the tensors that it reads."""
    input_dtypes: tuple[str, ...]
    output: str
    """Name of the first tensor that it writes."""
    output_dtype: str


class Interpreter:
    """Runs a `.tflite` file with one input and one output. Not to be shared between threads.

    Parameters
    ----------
    source
        The file, or its bytes.
    num_threads
        How many threads one invocation may use.

    Raises
    ------
    InputError
        If LiteRT can't load or prepare the file.
    """

    def __init__(self, source: Path | bytes, num_threads: int = 1) -> None:
        from ai_edge_litert.interpreter import Interpreter as LiteRT

        what = str(source) if isinstance(source, Path) else "the converted model"
        if isinstance(source, Path) and not source.is_file():
            raise InputError(f"The model's file {source} is missing; make the model again, or drop it.")
        # The bytes are read here, since a file that is replaced while it is mapped ends the process by a signal.
        self._content = source.read_bytes() if isinstance(source, Path) else source
        try:
            self._litert: Any = LiteRT(model_content=self._content, num_threads=num_threads)
            self._litert.allocate_tensors()
            self._input = self._litert.get_input_details()[0]
            self._output = self._litert.get_output_details()[0]
        except (ValueError, RuntimeError, IndexError) as error:
            reason = " ".join(str(error).split())[:300]
            raise InputError(f"{what} can't be run by LiteRT: {reason}; make it again.") from error
        self._rows = int(self._input["shape"][0])

    @property
    def inputs(self) -> tuple[Port, ...]:
        """The file's inputs."""
        return self._ports(self._litert.get_input_details(), "inputs")

    @property
    def outputs(self) -> tuple[Port, ...]:
        """The file's outputs."""
        return self._ports(self._litert.get_output_details(), "outputs")

    def _ports(self, details: list[dict[str, Any]], side: str) -> tuple[Port, ...]:
        names = self._signature(side)
        return tuple(
            Port(
                names[n] if n < len(names) else d["name"],
                d["name"],
                tuple(int(size) for size in d["shape_signature"]),
                np.dtype(d["dtype"]).name,
            )
            for n, d in enumerate(details)
        )

    def _signature(self, side: str) -> list[str]:
        signatures = self._litert.get_signature_list()
        return list(signatures[next(iter(signatures))][side]) if signatures else []

    @property
    def signature(self) -> str:
        """The key of the file's signature; empty where it has none."""
        return next(iter(self._litert.get_signature_list()), "")

    @property
    def operations(self) -> tuple[Operation, ...]:
        """What the file computes, in order, as it was written (without what a delegate makes of it)."""
        from ai_edge_litert.interpreter import Interpreter as LiteRT
        from ai_edge_litert.interpreter import OpResolverType

        plain: Any = LiteRT(
            model_content=self._content, experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        )
        names = {t["index"]: (t["name"], np.dtype(t["dtype"]).name) for t in plain.get_tensor_details()}
        absent = ("", "")
        return tuple(
            Operation(
                op["op_name"],
                tuple(names.get(int(i), absent)[0] for i in op["inputs"]),
                tuple(names.get(int(i), absent)[1] for i in op["inputs"]),
                *names.get(int(op["outputs"][0]), absent),
            )
            for op in plain._get_ops_details()  # LiteRT has no public way to list a file's operations
        )

    def run(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """The model's answers.

        Parameters
        ----------
        rows
            Raw rows, shape (n, *input_shape), any number dtype.

        Returns
        -------
        Answers, shape (n, *output_shape), float32.
        """
        rows = np.ascontiguousarray(rows, self._input["dtype"])
        if len(rows) != self._rows and not self._resize(len(rows), rows.shape[1:]):
            return np.concatenate([self.run(row[None]) for row in rows])
        self._litert.set_tensor(self._input["index"], rows)
        self._litert.invoke()
        return np.asarray(self._litert.get_tensor(self._output["index"]), np.float32)

    def _resize(self, num_rows: int, row_shape: tuple[int, ...]) -> bool:
        """Prepare for another number of rows at a time; False if the file only takes one."""
        if int(self._input["shape_signature"][0]) != -1 and num_rows != 1:
            return False
        try:
            self._litert.resize_tensor_input(self._input["index"], (num_rows, *row_shape))
            self._litert.allocate_tensors()
        except (ValueError, RuntimeError):
            self._litert.resize_tensor_input(self._input["index"], (1, *row_shape))
            self._litert.allocate_tensors()
            self._rows = 1
            return False
        self._rows = num_rows
        return True

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
