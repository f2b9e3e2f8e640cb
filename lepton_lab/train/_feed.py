"""What goes into a rank's steps: rows by their numbers, straight from the memory-mapped shards, read ahead.

A rank holds no copy of the data: of a batch it reads that batch's rows, a few batches before they are needed. The
next epoch's first batches are read while the last of this one are learnt, so an epoch's end stalls nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from lepton_lab.forkserver._child import resolve
from lepton_lab.train import _order
from lepton_lab.train._augment import augment
from lepton_lab.train._job import Job, Seat
from lepton_lab.types import fields

READ_AHEAD = 4
"""Batches."""
TOGETHER = 8
"""How many batches are handed from Python to TensorFlow at once, which costs as much as reading one of small rows."""
TOGETHER_BYTES = 4_000_000
"""Bounds that number where the rows are large."""

_kept: list[Any] = []
"""All iterators of this process: to let one go that may still read ahead can wait for ever in TensorFlow."""


class Feed:
    """A rank's rows.

    Parameters
    ----------
    replicas
        How many replicas the rank has; each takes a batch of its own at every step.
    """

    def __init__(self, job: Job, seat: Seat, strategy: Any, replicas: int = 1) -> None:
        self.job, self.seat, self.strategy, self.replicas = job, seat, strategy, replicas
        # Each shard is verified once in a run, by one of its ranks.
        mine = () if seat.is_verified else range(seat.rank, len(job.shards.shards), seat.world)
        self.rows = resolve(job.open_rows)(job.shards, verify=mine)
        self.learnt, self.held = _order.hold_out(len(self.rows), job.num_held_out, job.seed)
        self._validation: tuple[Any, int] | None = None

    @property
    def parts(self) -> int:
        """Into how many a step's rows are cut over all ranks."""
        return self.seat.world * self.replicas

    def training(self, epoch: int, step: int) -> Any:
        """An iterator of (x, y, weights, real) from a step of an epoch to the end of the run.

        `weights`, float32 (n,), or (n, *positions) where positions have their own: how much each row counts in the
        step; `real`, float32 (n,): 0 for rows that only fill up.
        """
        job = self.job

        def batches() -> Iterator[tuple[int, _order.Batch]]:
            for number in range(epoch, job.epochs + 1):
                first = step if number == epoch else 0
                ours = [
                    _order.epoch(len(self.learnt), job.batch_size, part, self.parts, job.seed, number, first)
                    for part in self._ours()
                ]
                for together in zip(*ours, strict=True):
                    yield from ((number, batch) for batch in together)

        def take(number: int, batch: _order.Batch) -> tuple[Any, Any, Any, Any]:
            rows = self.learnt[batch.rows]
            x, y = self._arranged(*self.rows.take(rows))
            if job.augment:
                pictures = x if x.ndim == 4 else x[..., None]
                x = augment(pictures, job.augment, rows, job.seed, number).reshape(x.shape)
            weights = batch.weights
            if self.seat.layout == "averaging" and weights.any():
                weights = weights / weights.sum()  # a rank that learns by itself takes the mean over its own rows
            importance = self._importance(rows, y)
            weights = weights.reshape(-1, *(1 for _ in importance.shape[1:])) * importance
            return x, y, weights, _real(batch)

        shape = job.dataset.target.positions if job.class_weight else self.rows.weights_shape
        return self._iterator(batches, take, job.batch_size, shape)

    def validation(self) -> tuple[Any, int]:
        """An iterator over the rows held out, again and again, and the number of steps that it has for them."""
        if self._validation is None:
            self._validation = self._passes(
                len(self.held), lambda rows: self._arranged(*self.rows.take(self.held[rows]))
            )
        return self._validation

    def test(self) -> tuple[Any, int]:
        """The same for the test split."""
        x, y = resolve(self.job.open_split)(self.job.dataset, "test")
        return self._passes(len(x), lambda rows: self._arranged(x[rows], y[rows]))

    def _arranged(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Stored rows and targets as the model takes them."""
        arrangement = self.job.dataset.arrangement
        return arrangement.rows(x), arrangement.targets(y)

    def _importance(self, rows: Any, y: Any) -> Any:
        """How much each row counts, or each of its positions: by its class, and by its own weight; float32."""
        weights = self.rows.weights(rows)
        if self.job.class_weight:
            table = np.ones(self.job.dataset.target.num_outputs, np.float32)
            for number, weight in self.job.class_weight.items():
                table[number] = weight
            by_class = table[y]  # a position without a class takes any: it counts nothing in the loss
            weights = weights.reshape(*weights.shape, *(1 for _ in range(by_class.ndim - weights.ndim))) * by_class
        return weights

    def _ours(self) -> range:
        return range(self.seat.rank * self.replicas, (self.seat.rank + 1) * self.replicas)

    def _passes(self, num_rows: int, take: Any) -> tuple[Any, int]:
        size = max(self.job.batch_size, 256)

        def batches() -> Iterator[tuple[int, _order.Batch]]:
            for start in itertools.cycle(range(0, num_rows, size)):
                step = np.arange(start, min(start + size, num_rows))
                yield from ((0, _order.share(step, size, part, self.parts)) for part in self._ours())

        iterator = self._iterator(batches, lambda _, batch: (*take(batch.rows), batch.weights, _real(batch)), size)
        return iterator, -(-num_rows // size)

    def _iterator(self, batches: Any, take: Any, batch_size: int, weights_shape: tuple[int, ...] = ()) -> Any:
        import tensorflow as tf

        data = self.job.dataset
        size = _order.local_batch_size(batch_size, self.parts)

        def spec(shape: tuple[int, ...], dtype: str) -> Any:
            return tf.TensorSpec((None, size, *shape), tf.string if "U" in dtype else dtype)

        inputs = {name: spec(shape, dtype) for name, (shape, dtype) in data.inputs.items()}
        targets = {name: spec(target.shape, target.dtype) for name, target in data.targets.items()}
        signature = (
            inputs or spec(data.input_shape, data.input_dtype),
            targets or spec(data.target.shape, data.target.dtype),
            spec(weights_shape, "float32"),
            spec((), "float32"),
        )

        def generate() -> Iterator[tuple[Any, ...]]:
            taken = (take(number, batch) for number, batch in batches())
            for first in taken:
                count = max(1, min(TOGETHER, TOGETHER_BYTES // max(first[0].nbytes, 1)))
                several = [first, *itertools.islice(taken, count - 1)]
                x, y, *weights = (np.stack(parts) for parts in zip(*several, strict=True))
                yield (fields(x) if inputs else x, fields(y) if targets else y, *weights)

        def pipeline(_: Any) -> Any:
            rows = tf.data.Dataset.from_generator(generate, output_signature=signature).unbatch()
            # Where a strategy can't tell that the rows suffice, it asks all ranks at every step whether any are left,
            # and forgets the batches' shape. Nobody takes more batches than there are.
            endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
            return rows.apply(endless).prefetch(READ_AHEAD)

        _kept.append(iter(self.strategy.distribute_datasets_from_function(pipeline)))
        return _kept[-1]


def _real(batch: _order.Batch) -> Any:
    return (batch.weights > 0).astype(np.float32)
