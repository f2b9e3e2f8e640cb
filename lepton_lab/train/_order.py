"""Which rows a rank takes at which step: the same global batches whatever the number of ranks.

The order of an epoch is a permutation seeded by (seed, epoch). Step s takes its positions [s G, (s + 1) G) for a global
batch of G rows, cut into one run of ceil(G / N) positions for each of N ranks. So every row is seen exactly once an
epoch, and one rank and many see the same batches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Batch:
    """A rank's share of one step's rows."""

    rows: npt.NDArray[np.int64]
    """Global row numbers, shape (local batch,); the end is filled up by repeating where the share is short."""
    weights: npt.NDArray[np.float32]
    """1 / rows in the whole step, and 0 for what only fills up; shape (local batch,). The weighted sum over all ranks
    of the examples' losses is the step's mean loss."""


def local_batch_size(batch_size: int, world: int) -> int:
    """Rows that a rank takes in a step, those that fill up counted in."""
    return -(-batch_size // world)


def epoch(num_rows: int, batch_size: int, rank: int, world: int, seed: int, number: int) -> Iterator[Batch]:
    """The batches of `rank` in epoch `number` (from 1), one per step."""
    order = np.random.default_rng([seed, number]).permutation(num_rows)
    for start in range(0, num_rows, batch_size):
        yield share(order[start : start + batch_size], batch_size, rank, world)


def share(step: npt.NDArray[np.int64], batch_size: int, rank: int, world: int) -> Batch:
    """The part of a step's rows (`step`, shape (rows,), at most `batch_size`) that `rank` takes."""
    size = local_batch_size(batch_size, world)
    mine = step[rank * size : (rank + 1) * size]
    weights = np.zeros(size, np.float32)
    weights[: len(mine)] = 1.0 / len(step)
    filler = np.resize(mine if len(mine) else step, size - len(mine))
    return Batch(np.concatenate([mine, filler]).astype(np.int64), weights)
