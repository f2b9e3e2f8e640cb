"""What reaches a step is what the shards hold: text, whole numbers, weights of positions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lepton_lab import data, forkserver

TEXTS = np.array(["good film", "bad", "ü", ""] * 6)
IDS = np.arange(24)[:, None] + 2**40
MASKS = np.random.default_rng(0).integers(-1, 3, (24, 5))
WEIGHTS = np.random.default_rng(1).random((24, 5)).astype(np.float32)


def first_batch(folder: Path) -> tuple[Any, ...]:
    """The first batch of an epoch, as a step gets it; in a process that has TensorFlow."""
    import tensorflow as tf

    from lepton_lab.train._feed import Feed
    from lepton_lab.train._job import Job, Seat

    steps = np.repeat(IDS, 5, axis=1)
    dataset = data.load(({"text": TEXTS, "ids": steps}, MASKS, WEIGHTS), "d", folder / "d", test_share=0)
    shards = data.shard(dataset, folder / "shards", num_shards=3)
    job = Job("r", folder, folder, folder, shards, dataset, 1, 24, "sgd", "auto", class_weight={1: 3.0})
    feed = Feed(job, Seat(0, "w", ("a:1",), 1), tf.distribute.get_strategy())
    x, y, weights, real = next(feed.training(1, 0))
    return x["text"].numpy(), x["ids"].numpy(), y.numpy(), weights.numpy(), real.numpy()


def test_rows_arrive_as_they_are(tmp_path: Path) -> None:
    text, ids, y, weights, real = forkserver.call(f"{__name__}:first_batch", {"folder": tmp_path})
    rows = ids[:, 0] - 2**40
    assert sorted(rows.tolist()) == list(range(24)) and ids.dtype == np.int64
    assert [one.decode() for one in text[:, 0]] == TEXTS[rows].tolist()
    np.testing.assert_array_equal(y, MASKS[rows])
    expected = WEIGHTS[rows] * np.where(MASKS[rows] == 1, 3.0, 1.0) / 24
    counts = MASKS[rows] >= 0
    np.testing.assert_allclose(weights[counts], expected[counts], rtol=1e-6)
    assert real.tolist() == [1.0] * 24
