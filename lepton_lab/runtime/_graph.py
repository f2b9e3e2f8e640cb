"""What a `.tflite` file computes, read from the file itself, with all that it has learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import InputError

_BITS = {"INT2": 2, "INT4": 4, "INT8": 8, "INT16": 16, "INT32": 32, "INT64": 64, "FLOAT16": 16, "FLOAT32": 32}


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor of a `.tflite` file."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    """TensorFlow Lite's name in small letters: `"float32"`, `"int4"`."""
    content: bytes = b""
    """Of a constant: its bytes; two numbers of int4 are in one, the lower half first."""
    scale: tuple[float, ...] = ()
    """Of a quantised tensor: what a step is worth; one number, or one for each channel."""
    zero_point: tuple[int, ...] = ()
    channel: int = 0
    """The dimension that the channels lie along."""

    @property
    def is_constant(self) -> bool:
        """Whether its numbers are in the file."""
        return bool(self.content)

    @property
    def bits(self) -> int:
        """Of each number."""
        return _BITS.get(self.dtype.upper(), 32)

    def stored(self) -> NDArray[Any]:
        """A constant's numbers as they are in the file, of its shape; int4 as int8."""
        size = int(np.prod(self.shape))
        if self.dtype in ("int4", "int2"):
            packed, per_byte = np.frombuffer(self.content, np.uint8), 8 // self.bits
            shifts = np.arange(per_byte, dtype=np.uint8) * self.bits
            raw = ((packed[:, None] >> shifts) & (2**self.bits - 1)).reshape(-1)[:size].astype(np.int8)
            signed: NDArray[Any] = np.where(raw >= 2 ** (self.bits - 1), raw - 2**self.bits, raw)
            return signed.reshape(self.shape)
        return np.frombuffer(self.content, np.dtype(self.dtype), size).reshape(self.shape)

    def values(self) -> NDArray[np.float32]:
        """A constant's numbers as the file means them, float32."""
        stored = self.stored().astype(np.float32)
        if not self.scale:
            return stored
        along = [1] * len(self.shape)
        if len(self.scale) > 1:
            along[self.channel] = len(self.scale)
        scale, zero = (np.asarray(part, np.float32).reshape(along) for part in (self.scale, self.zero_point))
        return (stored - zero) * scale


@dataclass(frozen=True)
class Operation:
    """One operation of a `.tflite` file."""

    kind: str
    """TensorFlow Lite's name: `"CONV_2D"`."""
    inputs: tuple[Tensor, ...]
    """The tensors that it reads, without those that are left out."""
    outputs: tuple[Tensor, ...]
    is_answer: bool = False
    """Whether what it writes goes out of the file."""

    @property
    def output(self) -> str:
        """Name of the first tensor that it writes."""
        return self.outputs[0].name if self.outputs else ""

    @property
    def constants(self) -> tuple[Tensor, ...]:
        """The tensors that it reads from the file."""
        return tuple(tensor for tensor in self.inputs if tensor.is_constant)


class Graph:
    """A `.tflite` file's operations, as it was written: without what a delegate makes of it.

    Parameters
    ----------
    content
        The file's bytes.

    Raises
    ------
    InputError
        If they are no `.tflite` file, or cut short.
    """

    def __init__(self, content: bytes) -> None:
        from ai_edge_litert import schema_py_generated as schema

        self._schema = schema
        self._content = content
        try:
            if content[4:8] != b"TFL3":
                raise ValueError("it doesn't begin as one")
            self._model = schema.ModelT.InitFromPackedBuf(content, 0)
            self.operations = tuple(self._operations(self._model.subgraphs[0]))
            """Of the main graph, in the order in which they are computed."""
        except Exception as error:  # a damaged file raises whatever struct, numpy or flatbuffers raised
            reason = " ".join(str(error).split())[:200]
            raise InputError(f"The .tflite file can't be read ({reason}): make it again.") from error

    def _operations(self, graph: Any) -> list[Operation]:
        tensors = [self._tensor(tensor) for tensor in graph.tensors]
        kinds = {value: name for name, value in vars(self._schema.BuiltinOperator).items() if not name.startswith("_")}
        codes = [kinds.get(code.builtinCode, "CUSTOM") for code in self._model.operatorCodes]

        def named(indices: Any) -> tuple[Tensor, ...]:
            return tuple(tensors[i] for i in ([] if indices is None else indices) if i >= 0)

        ends = {int(index) for index in graph.outputs}
        return [
            Operation(codes[op.opcodeIndex], named(op.inputs), named(op.outputs), bool(ends & {*map(int, op.outputs)}))
            for op in graph.operators
        ]

    def _tensor(self, tensor: Any) -> Tensor:
        types = {value: name for name, value in vars(self._schema.TensorType).items() if not name.startswith("_")}
        steps = tensor.quantization
        shape = () if tensor.shape is None else tuple(int(size) for size in tensor.shape)

        def numbers(values: Any, kind: type) -> tuple[Any, ...]:
            return () if values is None else tuple(kind(value) for value in values)

        return Tensor(
            tensor.name.decode(errors="replace"),
            shape,
            types[tensor.type].lower(),
            self._bytes_of(self._model.buffers[tensor.buffer]),
            numbers(None if steps is None else steps.scale, float),
            numbers(None if steps is None else steps.zeroPoint, int),
            0 if steps is None else int(steps.quantizedDimension),
        )

    def _bytes_of(self, buffer: Any) -> bytes:
        """A buffer's bytes; in the files of larger models they lie behind what the schema describes."""
        if buffer.data is not None:
            return bytes(buffer.data)
        found = self._content[buffer.offset : buffer.offset + buffer.size]
        if len(found) != buffer.size:
            raise ValueError(f"it ends within {buffer.size} bytes of weights")
        return found
