"""The metrics that a model was compiled with, over answers that it has given already."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import numpy as np

from lepton_lab.errors import UserCodeError
from lepton_lab.forkserver._child import summary
from lepton_lab.runtime import MASKED, load_keras, open_rows
from lepton_lab.runtime import fitted as arranged_for
from lepton_lab.train._counted import Counted, update
from lepton_lab.train._job import Job
from lepton_lab.train._step import Head, Reported, Steps, make_heads
from lepton_lab.types import Dataset, Model, ShardSet, fields

_BATCH = 512


def compiled_metrics(
    model: Model, dataset: Dataset, split: str, answers_file: Path, metrics: Any, weighted_metrics: Any = ()
) -> dict[str, float]:
    """Each metric by its name; of several outputs each one's begin with the output's name.

    Parameters
    ----------
    model
        A Keras model.
    dataset, split
        The rows that it has answered.
    answers_file
        Its answers (`.npy`); `MASKED` at positions that a mask leaves out.
    metrics, weighted_metrics
        Parts (see `_parts`) for every output, or such by the output's name. Every row counts as much.

    Raises
    ------
    UserCodeError
        If a metric of the user's own raises.
    """
    dataset = arranged_for(model, dataset)
    _, truth = open_rows(dataset, split)
    answers = np.load(answers_file, mmap_mode="r")
    job = Job(
        run="",
        folder=model.folder,
        model_file=model.file,
        output=model.file,
        shards=ShardSet(dataset.name, dataset.folder, "hash", ()),
        dataset=dataset,
        epochs=1,
        batch_size=_BATCH,
        optimizer="sgd",
        loss="auto",
        metrics=metrics,
        weighted_metrics=weighted_metrics,
        answers=model.answers,
        code=model.code,
    )
    heads = make_heads(job, load_keras(model.file, model.code))
    for start in range(0, len(truth), _BATCH):
        for head in heads:
            own = [_of(head, array[start : start + _BATCH]) for array in (truth, answers)]
            for each in head.metrics:
                _tell(head, each, *own)
    return {each.metric.name: float(each.metric.result()) for head in heads for each in head.metrics}


def _of(head: Head, array: Any) -> Any:
    """A head's part of labels or answers."""
    return np.asarray(fields(array)[head.name] if head.name else array)


def _tell(head: Head, reported: Reported, truth: Any, answers: Any) -> None:
    """Have a metric see some rows."""
    import tensorflow as tf

    masked = answers == np.float32(MASKED)
    answer = head.shaped(tf.constant(np.where(masked, 0, answers), tf.float32))
    counts = ~np.asarray(head.shaped(tf.constant(masked)))[..., 0]
    labels = tf.constant(truth)
    if head.target.kind == "classes" and head.target.positions:
        counts, labels = counts & (truth >= 0), tf.maximum(labels, 0)
    counted = Counted(tf.constant(counts, tf.float32), 1.0) if head.is_spread else None
    try:
        shown, given = Steps.for_metric(head, reported, labels, answer)
        update(reported.metric, shown, given, tf.ones(len(truth)), counted, answer[..., 0])
    except Exception as error:  # of any kind, in code of the user's own
        raise UserCodeError(
            f"The metric {reported.metric.name!r} raised {summary(error)}", traceback.format_exc()
        ) from None
