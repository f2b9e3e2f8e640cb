"""Rows that are read a block at a time, so that memory-mapped data of any size can be checked, cut and copied.

`blocks` walks over anything that has a shape, a dtype and slices; `Part` and `Record` are such things, made of arrays
that stay where they are; `write_npy` writes them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from lepton_lab.data._base import Array
from lepton_lab.types import record_dtype

BLOCK_BYTES = 2**22


class Sliced(Protocol):
    """What `blocks` takes: an array, a `Part` or a `Record`."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    def __getitem__(self, block: slice) -> Any: ...


@dataclass(frozen=True)
class Part:
    """Some rows of an array, in the dtype that they are to be stored in."""

    array: Array
    dtype: np.dtype[Any]
    rows: Array | None = None
    """Their numbers; None for all."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows first."""
        return (len(self.array if self.rows is None else self.rows), *self.array.shape[1:])

    def __getitem__(self, block: slice) -> Array:
        return np.asarray(self.array[block if self.rows is None else self.rows[block]]).astype(self.dtype, copy=False)


@dataclass(frozen=True)
class Record:
    """Several parts of as many rows, side by side as records of shape (rows,)."""

    parts: Mapping[str, Part]

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows,)."""
        return next(iter(self.parts.values())).shape[:1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Structured: a field for each part."""
        return record_dtype({name: (part.shape[1:], part.dtype) for name, part in self.parts.items()})

    def __getitem__(self, block: slice) -> Array:
        read = {name: part[block] for name, part in self.parts.items()}
        made = np.empty(len(next(iter(read.values()))), self.dtype)
        for name, array in read.items():
            made[name] = array
        return made


def blocks(rows: Sliced, row_bytes: int = 0) -> Iterator[Array]:
    """All rows in order, about `BLOCK_BYTES` at a time; at least one row.

    Parameters
    ----------
    row_bytes
        What a row takes, where that is more than its own bytes say.
    """
    size = row_bytes or max(1, math.prod(rows.shape[1:]) * rows.dtype.itemsize)
    step = max(1, BLOCK_BYTES // size)
    for start in range(0, rows.shape[0], step):
        yield rows[start : start + step]


def write_npy(path: Path, rows: Sliced, wrote: Callable[[int], None] = lambda count: None) -> None:
    """Write rows as a `.npy` file, a block at a time.

    Parameters
    ----------
    wrote
        Told after each block how many rows it had.
    """
    header = {"descr": np.lib.format.dtype_to_descr(rows.dtype), "fortran_order": False, "shape": tuple(rows.shape)}
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        for block in blocks(rows):
            np.ascontiguousarray(block).tofile(stream)
            wrote(len(block))
