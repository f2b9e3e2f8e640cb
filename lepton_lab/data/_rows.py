"""Reading shards in a training process: verified once, then memory-mapped, so that a batch costs its own bytes only."""

from __future__ import annotations

from collections.abc import Container

import numpy as np

from lepton_lab.data._base import Array
from lepton_lab.data._store import map_array
from lepton_lab.errors import DataError
from lepton_lab.files import checksum
from lepton_lab.types import ShardSet

_MEND = "shard the data set again"


class Rows:
    """The rows of some shards under one numbering: shards in order, rows in order.

    Parameters
    ----------
    parts
        x of shape (rows, *input_shape) and y of shape (rows,) of each shard.
    """

    def __init__(self, parts: list[tuple[Array, Array]]) -> None:
        self._x, self._y = [x for x, _ in parts], [y for _, y in parts]
        self._starts = np.cumsum([0, *map(len, self._y)])
        self.input_shape: tuple[int, ...] = self._x[0].shape[1:]
        self.input_dtype = self._x[0].dtype
        self.target_dtype = self._y[0].dtype

    def __len__(self) -> int:
        return int(self._starts[-1])

    def take(self, indices: Array) -> tuple[Array, Array]:
        """Rows by number, in the order asked for, as new arrays.

        Parameters
        ----------
        indices
            int64 of shape (n,), each from 0 to below `len(self)`; repeats are allowed.

        Returns
        -------
        x of shape (n, *input_shape) and y of shape (n,).

        Raises
        ------
        IndexError
            If there is no such row.
        """
        indices = np.asarray(indices, np.int64)
        if len(indices) and (indices.min() < 0 or indices.max() >= len(self)):
            raise IndexError(f"rows {indices.min()} to {indices.max()} were asked for, expected 0 to {len(self) - 1}")
        if len(self._x) == 1:
            return self._x[0][indices], self._y[0][indices]
        x = np.empty((len(indices), *self.input_shape), self.input_dtype)
        y = np.empty(len(indices), self.target_dtype)
        shards = np.searchsorted(self._starts, indices, side="right") - 1
        order = np.argsort(shards, kind="stable")
        ends = np.searchsorted(shards[order], np.arange(len(self._x)), side="right")
        start = 0
        for shard, end in enumerate(ends.tolist()):
            if end > start:
                places = order[start:end]
                inside = indices[places] - self._starts[shard]
                x[places] = self._x[shard][inside]
                y[places] = self._y[shard][inside]
                start = end
        return x, y


def open_rows(shards: ShardSet, verify: Container[int] | None = None) -> Rows:
    """All rows of these shards, memory-mapped.

    Parameters
    ----------
    verify
        The indices of the shards whose checksums are compared; None for all.

    Raises
    ------
    DataError
        If a file is missing or is not what was written; it names the shard and the file.
    """
    if not shards.shards:
        raise DataError(f"the shards of data set {shards.dataset!r} are none, expected at least one: {_MEND}")
    parts: list[tuple[Array, Array]] = []
    for shard in shards.shards:
        files = shard.folder / "x.npy", shard.folder / "y.npy"
        for file in files:
            if not file.is_file():
                raise DataError(f"shard {shard.index} of {shards.dataset!r} lacks its file {file}: {_MEND}")
        if (verify is None or shard.index in verify) and checksum(*files) != shard.checksum:
            raise DataError(
                f"shard {shard.index} of {shards.dataset!r} is not what was written: {files[0]} and "
                "y.npy have another "
                f"checksum than {shard.checksum[:12]}...: {_MEND}"
            )
        x, y = map_array(files[0], _MEND), map_array(files[1], _MEND)
        if len(x) != len(y) or len(y) != shard.rows or (parts and x.shape[1:] != parts[0][0].shape[1:]):
            raise DataError(
                f"shard {shard.index} of {shards.dataset!r} has x of shape {x.shape} and y of shape "
                f"{y.shape}, which "
                f"does not fit its record of {shard.rows:,} rows or the other shards: {_MEND}"
            )
        parts.append((x, y))
    return Rows(parts)
