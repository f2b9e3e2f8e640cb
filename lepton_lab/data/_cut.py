"""A data set of another's training rows: some of them held out, so that choices can be made without its test split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from lepton_lab.data import _split, _store
from lepton_lab.data._base import Array, Ticker
from lepton_lab.data._blocks import Part, Sliced
from lepton_lab.errors import InputError
from lepton_lab.events import Report, ignore
from lepton_lab.types import Dataset


def cut(
    dataset: Dataset,
    name: str,
    folder: Path,
    *,
    share: float = 0.1,
    seed: int = 0,
    held: Array | None = None,
    report: Report = ignore,
) -> Dataset:
    """Write a data set whose test split is a part of another's training rows, and whose training rows are the others.

    Parameters
    ----------
    dataset
        Gives the rows, their weights and their scaling; its test split is not read.
    name, folder
        The new data set's, in place of an earlier one.
    share, seed
        Part of the rows to hold out, with the classes' shares kept, and which.
    held
        The numbers of the rows to hold out instead, int64 (rows,).
    report
        Told how far the work is.

    Raises
    ------
    InputError
        If no row would be held out, or none would be left to train on.
    DataError
        If the data set's files are damaged.
    """
    x, y = _store.open_split(dataset, "train")
    if held is None:
        _split.check_share(share)
        is_classes = dataset.target.kind == "classes" and not dataset.target.positions and not dataset.targets
        held = _split.hold_out(y if is_classes else np.zeros(len(y)), share, seed, is_classes)[1]
    rows = {"train": np.setdiff1d(np.arange(len(y)), held), "test": np.sort(held)}
    for split, numbers in rows.items():
        if not len(numbers):
            raise InputError(f"{dataset.name!r} has {len(y)} training rows, of which none would be for {split}.")
    splits: dict[str, Mapping[str, Sliced]] = {
        split: {key: Part(array, array.dtype, numbers) for key, array in (("x", x), ("y", y))}
        for split, numbers in rows.items()
    }
    weights = _store.open_weights(dataset)
    if weights is not None:
        splits["train"] = {**splits["train"], "w": Part(weights, weights.dtype, rows["train"])}
    made = replace(
        dataset,
        name=name,
        folder=Path(folder),
        source=f"the training rows of {dataset.name}",
        splits={split: len(numbers) for split, numbers in rows.items()},
        images=(),
        cut_from=dataset.name,
    )
    return _store.write(made, splits, Ticker(report, f"data split {name}"))
