"""A model, a data set's split, and the metrics of the one on the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lepton_lab.errors import InputError
from lepton_lab.runtime import check_fits, open_rows, predict, score
from lepton_lab.types import Dataset, Evaluation, Model


def evaluate(
    model: Model, dataset: Dataset, split: str = "test", batch_size: int = 512, answers_file: Path | None = None
) -> Evaluation:
    """How good `model` is on a split of `dataset`.

    Parameters
    ----------
    model
        In Keras's or in LiteRT's format: it is run from the file that holds it.
    dataset, split
        The rows to try it on.
    batch_size
        How many rows go in at once; it changes the memory needed, not the answer.
    answers_file
        The model's answers to these rows (`.npy`), where they are there already; else they are made here.

    Returns
    -------
    Accuracy and loss (crossentropy) for classes; binary accuracy, exact match and loss for labels; mae and mse for
    numbers. Of several targets each has its own, beginning with its name.

    Raises
    ------
    UnknownNameError
        If the data set has no such split.
    InputError
        If model and data set do not fit together, or the model's file can't be loaded.
    """
    if batch_size < 1:
        raise InputError(f"batch_size={batch_size}: give at least 1 row at once.")
    rows, targets = open_rows(dataset, split)
    check_fits(model, dataset)
    answers = (
        predict(model.file, rows, batch_size, model.code)
        if answers_file is None
        else np.load(answers_file, mmap_mode="r")
    )
    metrics = score(answers, targets, dataset.target.kind)
    return Evaluation(model.name, dataset.name, split, len(rows), metrics)
