"""Which shard each training row belongs to.

Each way is a function of a `Cut` that gives one shard number a row, int64 of shape (rows,):

- `hash`: by a hash of the key column or of the whole row, so that equal rows meet, wherever and whenever this runs;
- `range`: equal stretches of rows in order, or in the order of a key column;
- `round_robin`: like dealing cards;
- `stratified`: every shard gets the same shares of the classes (for labels: of their combinations; for numbers: the
  same spread, by the first of several); where there are several targets, of the first;
- `dirichlet`: skewed by class, as data is that many owners gathered. Each class is spread over the shards by a draw
  from Dirichlet(alpha): small alpha, strong skew. Hsu, Qi and Brown 2019, https://arxiv.org/abs/1909.06335
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from lepton_lab.data._base import Array
from lepton_lab.data._blocks import blocks
from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.types import Dataset

VERSION = 1
"""Of the assignment; raised when a change would send a row to another shard. It is part of the hash."""


@dataclass(frozen=True)
class Cut:
    """What a way of sharding may look at."""

    dataset: Dataset
    x: Array
    y: Array
    num_shards: int
    key: str | None
    alpha: float
    seed: int

    @property
    def num_rows(self) -> int:
        """Training rows."""
        return len(self.y)

    def first_target(self) -> Array:
        """What rows are to be evenly or unevenly spread by: the first target's y."""
        return self.y[next(iter(self.dataset.targets))] if self.dataset.targets else self.y

    def key_values(self) -> Array:
        """The key's values, (rows, columns of the key); a column of text lies in several columns of 0 and 1."""
        columns, key = self.dataset.columns, self.key
        if key in self.dataset.targets:
            return self.y[key].reshape(self.num_rows, -1)
        if key == self.dataset.target.name:
            return self.y.reshape(self.num_rows, -1)
        if not columns:
            raise InputError(
                f"data set {self.dataset.name!r} has no columns, so {key!r} can't be a key: leave the key out"
            )
        found = [number for number, name in enumerate(columns) if name == key or name.startswith(f"{key}=")]
        if not found:
            raise UnknownNameError("column", str(key), dict.fromkeys([*columns, *(c.split("=")[0] for c in columns)]))
        return self.x[:, found] + np.zeros(1, self.x.dtype)  # makes 0 of -0, which is equal but has other bytes


def _hash(cut: Cut) -> Array:
    if cut.key is not None:
        values, numbers = np.unique(cut.key_values(), axis=0, return_inverse=True)
        return (_digests(values) % np.uint64(cut.num_shards)).astype(np.int64)[numbers.reshape(-1)]
    parts = []
    start = 0
    for block in blocks(cut.x):
        both = [_bytes(block), _bytes(cut.y[start : start + len(block)])]
        parts.append(_digests(np.concatenate(both, axis=1)))
        start += len(block)
    return (np.concatenate(parts) % np.uint64(cut.num_shards)).astype(np.int64)


def _range(cut: Cut) -> Array:
    shards = np.arange(cut.num_rows) * cut.num_shards // cut.num_rows
    if cut.key is None:
        return shards
    values = cut.key_values()
    assigned = np.empty(cut.num_rows, np.int64)
    assigned[np.lexsort(values.T[::-1])] = shards
    return assigned


def _round_robin(cut: Cut) -> Array:
    return np.arange(cut.num_rows) % cut.num_shards


def _stratified(cut: Cut) -> Array:
    _refuse_positions(cut)
    order = np.random.default_rng(cut.seed).permutation(cut.num_rows)
    y = cut.first_target().reshape(cut.num_rows, -1)[order]
    order = order[np.lexsort(y.T[::-1])]
    assigned = np.empty(cut.num_rows, np.int64)
    assigned[order] = np.arange(cut.num_rows) % cut.num_shards
    return assigned


def _dirichlet(cut: Cut) -> Array:
    _refuse_positions(cut)
    target, y = cut.dataset.target, cut.first_target()
    if target.kind != "classes":
        raise InputError(
            f"dirichlet skews classes, but {target.name!r} are {target.kind}: shard by hash, range or stratified"
        )
    if not 0 < cut.alpha < float("inf"):
        raise InputError(f"alpha is {cut.alpha}, expected a number above 0 (0.1 skews strongly, 100 hardly)")
    random = np.random.default_rng(cut.seed)
    assigned = np.empty(cut.num_rows, np.int64)
    for label in range(len(target.classes)):
        rows = random.permutation(np.flatnonzero(y == label))
        shares = random.dirichlet(np.full(cut.num_shards, cut.alpha))
        ends = (np.cumsum(shares) * len(rows)).round().astype(np.int64)[:-1]
        for shard, part in enumerate(np.split(rows, ends)):
            assigned[part] = shard
    counts = np.bincount(assigned, minlength=cut.num_shards)
    # a strong skew may leave a shard without rows; it then gets one of the largest shard's
    for empty in np.flatnonzero(counts == 0).tolist():
        largest = int(counts.argmax())
        assigned[random.choice(np.flatnonzero(assigned == largest))] = empty
        counts[[largest, empty]] += [-1, 1]
    return assigned


def _refuse_positions(cut: Cut) -> None:
    """Raise InputError where a row has no single label to go by."""
    target = cut.dataset.target
    if target.positions:
        raise InputError(
            f"a row of {cut.dataset.name!r} has {target.describe()}, so rows can't be spread by them: shard by hash, "
            "range or round_robin"
        )


_WAYS: dict[str, Callable[[Cut], Array]] = {
    "hash": _hash,
    "range": _range,
    "round_robin": _round_robin,
    "stratified": _stratified,
    "dirichlet": _dirichlet,
}
SHARDINGS = tuple(_WAYS)
"""The ways to cut a data set."""
_KEYED = ("hash", "range")


def assign(by: str, cut: Cut) -> Array:
    """The shard of each row; no shard is without rows.

    Raises
    ------
    InputError
        If there is no such way, key or number of shards, or a shard would stay empty.
    """
    if by not in _WAYS:
        raise UnknownNameError("way to shard", by, SHARDINGS)
    if cut.key is not None and by not in _KEYED:
        raise InputError(f"key is {cut.key!r}, but sharding by {by} takes no key: shard by {' or '.join(_KEYED)}")
    if cut.num_shards < 1 or cut.num_shards > cut.num_rows:
        raise InputError(
            f"{cut.num_shards} shards were asked for, expected 1 to {cut.num_rows:,}, the training "
            "rows of "
            f"data set {cut.dataset.name!r}"
        )
    assigned = _WAYS[by](cut)
    filled = len(np.unique(assigned))
    if filled < cut.num_shards:
        raise InputError(
            f"only {filled} of {cut.num_shards} shards would get rows by {by} of "
            f"{cut.key or 'the row'}: ask for fewer "
            "shards or shard by round_robin"
        )
    return assigned


def _bytes(array: Array) -> Array:
    """Each row's bytes, little-endian, as uint8 of shape (rows, bytes)."""
    array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return array.view(np.uint8).reshape(len(array), -1)


def _digests(rows: Array) -> Array:
    """A 64-bit hash of each row's bytes, the same on every machine and in every process."""
    person = b"lepton-shard-%d" % VERSION
    joined = b"".join(blake2b(row, digest_size=8, person=person).digest() for row in _bytes(rows))
    return np.frombuffer(joined, "<u8")
