"""Reading shards in a training process: verified once, then memory-mapped, so that a batch costs its own bytes only."""

from __future__ import annotations

import sys
from collections.abc import Container
from dataclasses import replace
from pathlib import Path

import numpy as np

from lepton_lab.data import _copies, _host
from lepton_lab.data._base import Array
from lepton_lab.data._store import map_array
from lepton_lab.errors import DataError
from lepton_lab.files import checksum
from lepton_lab.types import Shard, ShardSet

_MEND = "restore it from a worker's copy (%lepton data place NAME), or shard the data set again"


class Rows:
    """The rows of some shards under one numbering: shards in order, rows in order.

    Parameters
    ----------
    parts
        x of shape (rows, *input_shape) and y of shape (rows, *target shape) of each shard.
    weights
        float32 of shape (rows,), or (rows, *positions), of each shard; None where all rows count alike.
    """

    def __init__(self, parts: list[tuple[Array, Array]], weights: list[Array] | None = None) -> None:
        self._x, self._y, self._w = [x for x, _ in parts], [y for _, y in parts], weights
        self._starts = np.cumsum([0, *map(len, self._y)])
        self.input_shape: tuple[int, ...] = self._x[0].shape[1:]
        self.input_dtype = self._x[0].dtype
        self.target_dtype = self._y[0].dtype
        self.weights_shape: tuple[int, ...] = weights[0].shape[1:] if weights else ()
        """Of one row's weights: () for one number."""

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
        x of shape (n, *input_shape) and y of shape (n, *target shape); several inputs or targets are records of shape
        (n,), see `lepton_lab.types.fields`.

        Raises
        ------
        IndexError
            If there is no such row.
        """
        x, y = self._take([self._x, self._y], indices)
        return x, y

    def weights(self, indices: Array) -> Array:
        """How much these rows count in training, float32 of shape (n,): all 1 where the data set has no weights.

        Of shape (n, *positions) where each position of a row has a weight of its own.
        """
        if self._w is None:
            self._check(np.asarray(indices, np.int64))
            return np.ones(len(indices), np.float32)
        return self._take([self._w], indices)[0]

    def _take(self, columns: list[list[Array]], indices: Array) -> list[Array]:
        """Rows by number of each column, which is a list of the shards' arrays."""
        indices = np.asarray(indices, np.int64)
        self._check(indices)
        if len(self._x) == 1:
            return [column[0][indices] for column in columns]
        taken = [np.empty((len(indices), *column[0].shape[1:]), column[0].dtype) for column in columns]
        shards = np.searchsorted(self._starts, indices, side="right") - 1
        order = np.argsort(shards, kind="stable")
        ends = np.searchsorted(shards[order], np.arange(len(self._x)), side="right")
        start = 0
        for shard, end in enumerate(ends.tolist()):
            if end > start:
                places = order[start:end]
                inside = indices[places] - self._starts[shard]
                for array, column in zip(taken, columns, strict=True):
                    array[places] = column[shard][inside]
                start = end
        return taken

    def _check(self, indices: Array) -> None:
        if len(indices) and (indices.min() < 0 or indices.max() >= len(self)):
            raise IndexError(f"rows {indices.min()} to {indices.max()} were asked for, expected 0 to {len(self) - 1}")


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
    weights: list[Array] = []
    names = ("x.npy", "y.npy", *(("w.npy",) if shards.weighted else ()))
    for shard in shards.shards:
        files = [shard.folder / name for name in names]
        for file in files:
            if not file.is_file():
                raise DataError(f"shard {shard.index} of {shards.dataset!r} lacks its file {file}: {_MEND}")
        if (verify is None or shard.index in verify) and checksum(*files) != shard.checksum:
            raise DataError(
                f"shard {shard.index} of {shards.dataset!r} is not what was written: {files[0]} and "
                f"{', '.join(names[1:])} have another "
                f"checksum than {shard.checksum[:12]}...: {_MEND}"
            )
        x, y, *w = (map_array(file, _MEND) for file in files)
        if any(len(array) != shard.rows for array in (x, y, *w)) or not _alike(parts, x, y):
            raise DataError(
                f"shard {shard.index} of {shards.dataset!r} has x of shape {x.shape} and y of shape "
                f"{y.shape}, which "
                f"does not fit its record of {shard.rows:,} rows or the other shards: {_MEND}"
            )
        parts.append((x, y))
        weights += w
    return Rows(parts, weights if shards.weighted else None)


def open_shard(shard: Shard) -> Rows:
    """A shard's rows, wherever this process finds them, verified and memory-mapped.

    Where the workspace isn't seen, a Dask worker has them from its host's copy; one that doesn't hold the shard fetches
    a copy from a worker that does. So `lab.map(function, shards.shards)` works on every host.

    Raises
    ------
    DataError
        If nobody has the shard, or its files are not what was written.
    """
    name = shard.folder.parent.name
    while (folder := shard.folder if _copies.seen([shard]) else _from_host(shard)) is not None:
        weighted = (folder / "w.npy").is_file()
        try:
            return open_rows(ShardSet(name, folder.parent, "", (replace(shard, folder=folder),), weighted=weighted))
        except DataError:
            if folder == shard.folder or _copies.is_whole(folder, shard):
                raise
            # The copy was one too many, and a placement has just removed it: another is fetched.
    held = f"is held by {', '.join(shard.nodes)}" if shard.nodes else "is held by no worker"
    raise DataError(
        f"shard {shard.index} of {name!r} is not in {shard.folder}, and there is no copy on this host (it {held}): "
        f"{_MEND}"
    )


def _from_host(shard: Shard) -> Path | None:
    """The folder of a copy, in a Dask worker."""
    if "distributed" not in sys.modules:
        return None
    from distributed import get_worker

    try:
        worker = get_worker()
    except ValueError:  # this is none
        return None
    return _copies.find(shard, worker) or _host.fetch(shard, worker)


def _alike(parts: list[tuple[Array, Array]], *own: Array) -> bool:
    """Whether a shard's x and y are of the first shard's shape and dtype."""
    if not parts:
        return True
    pairs = zip(own, parts[0], strict=True)
    return all(array.shape[1:] == first.shape[1:] and array.dtype == first.dtype for array, first in pairs)
