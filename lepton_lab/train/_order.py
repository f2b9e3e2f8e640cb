"""Which rows a replica takes at which step: the same global batches whatever the number of replicas.

The order of an epoch is a permutation seeded by (seed, epoch). Step s takes its positions [s G, (s + 1) G) for a global
batch of G rows, cut into one run of ceil(G / N) positions for each of N replicas. So every row is seen exactly once an
epoch, one replica and many see the same batches, and a run that starts again at a step sees what it would have seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """A replica's share of one step's rows."""

    rows: Numbers
    """Global row numbers, shape (local batch,); the end is filled up by repeating where the share is short."""
    weights: npt.NDArray[np.float32]
    """1 / rows in the whole step, and 0 for what only fills up; shape (local batch,). The weighted sum over all
    replicas of the examples' losses is the step's mean loss."""


def hold_out(num_rows: int, num_held: int, seed: int) -> tuple[Numbers, Numbers]:
    """Row numbers to learn from and to validate on, both ascending; which ones follows from the seed."""
    held = np.sort(np.random.default_rng([seed, 0]).permutation(num_rows)[:num_held])
    mask = np.ones(num_rows, bool)
    mask[held] = False
    return np.flatnonzero(mask), held


def local_batch_size(batch_size: int, world: int) -> int:
    """Rows that a replica takes in a step, those that fill up counted in."""
    return -(-batch_size // world)


def epoch(
    num_rows: int, batch_size: int, rank: int, world: int, seed: int, number: int, first_step: int = 0
) -> Iterator[Batch]:
    """The batches of replica `rank` in epoch `number` (from 1), one per step, from `first_step` (from 0) on."""
    order = np.random.default_rng([seed, number]).permutation(num_rows)
    for start in range(first_step * batch_size, num_rows, batch_size):
        yield share(order[start : start + batch_size], batch_size, rank, world)


def share(step: Numbers, batch_size: int, rank: int, world: int) -> Batch:
    """The part of a step's rows (`step`, shape (rows,), at most `batch_size`) that `rank` takes."""
    size = local_batch_size(batch_size, world)
    mine = step[rank * size : (rank + 1) * size]
    weights = np.zeros(size, np.float32)
    weights[: len(mine)] = 1.0 / len(step)
    filler = np.resize(mine if len(mine) else step, size - len(mine))
    return Batch(np.concatenate([mine, filler]).astype(np.int64), weights)
