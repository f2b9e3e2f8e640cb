"""`lab.predict`: rows in, a file of answers out, by the cluster's workers where there are many rows."""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import InputError
from lepton_lab.evaluate import answer_here, answer_on, begin
from lepton_lab.files import replacing_file, scratch
from lepton_lab.lab._numbered import keep_numbered
from lepton_lab.runtime import open_rows
from lepton_lab.types import Dataset, Model, Prediction
from lepton_lab.types._prediction import choose

if TYPE_CHECKING:
    from lepton_lab.lab._lab import Lab

FOLDER = "predictions"
"""In the workspace, where all workers see it."""
MIN_COST = 2e9
"""Rows times the numbers that a row meets (its own and the model's): what costs less is answered by one process, since
to hand it out and load the model on each worker takes 0.07 s more, and one process takes half a second then."""
PREVIEW = 10
"""Rows that a `Prediction` shows."""
SUFFIX = ".npy"


@dataclass(frozen=True)
class Answers:
    """Answers in a folder that is soon removed."""

    file: Path
    rows: int
    seconds: float
    workers: tuple[str, ...]


@contextmanager
def answering_split(lab: Lab, model: Model, dataset: Dataset, split: str) -> Iterator[Answers]:
    """A model's answers to a data set's split, for as long as the block runs."""
    rows, _ = open_rows(dataset, split)
    with scratch(lab.workspace.path(FOLDER)) as folder:
        yield _answer(lab, model, dataset.folder / split / "x.npy", len(rows), folder)


@contextmanager
def answering_rows(lab: Lab, model: Model, rows: object) -> Iterator[Answers]:
    """A model's answers to an array, for as long as the block runs."""
    array = check_rows(model, rows)
    with scratch(lab.workspace.path(FOLDER)) as folder:
        np.save(folder / "rows.npy", array)
        yield _answer(lab, model, folder / "rows.npy", len(array), folder)


def _answer(lab: Lab, model: Model, rows_file: Path, num_rows: int, folder: Path) -> Answers:
    started = time.perf_counter()
    file = folder / f"answers{SUFFIX}"
    work = begin(model, rows_file, num_rows, file)
    is_worth_it = num_rows * (math.prod(model.input_shape) + model.num_parameters) >= MIN_COST
    sight = lab.cluster.handle.sight(lab.workspace.folder) if is_worth_it and lab.cluster.is_up else None
    if sight is not None and sight.seeing:
        only = [worker.address for worker in sight.seeing] if sight.blind else None
        names = answer_on(lab.cluster.handle.client, len(sight.seeing), work, lab.events.publish, only)
    else:
        names = answer_here(work, lab.events.publish)
    return Answers(file, num_rows, time.perf_counter() - started, names)


def predict_split(lab: Lab, model: Model, dataset: Dataset, split: str, to: Path | None) -> Prediction:
    """What a model answers to a data set's split, with its labels beside."""
    names = class_names(model, dataset.target.classes if dataset.target.kind == "classes" else ())
    with answering_split(lab, model, dataset, split) as answers:
        labels = open_rows(dataset, split)[1][:PREVIEW]
        shown = [names[label] if names else ", ".join(f"{value:.4g}" for value in np.ravel(label)) for label in labels]
        return _keep(lab, model, answers, f"{dataset.name}/{split}", names, shown, to)


def predict_rows(lab: Lab, model: Model, rows: object, to: Path | None) -> Prediction:
    """What a model answers to an array."""
    with answering_rows(lab, model, rows) as answers:
        return _keep(lab, model, answers, "rows of the notebook", class_names(model, model.classes), [], to)


def check_rows(model: Model, rows: object) -> NDArray[Any]:
    """The rows as an array that the model can take.

    Raises
    ------
    InputError
        If they are no numbers, or of another shape.
    """
    if isinstance(rows, str):
        raise InputError(f"--rows is {rows!r}, and no variable of the notebook is called so: give an array of rows.")
    try:
        array = np.asarray(rows)
    except ValueError as error:
        raise InputError(f"--rows can't be made an array ({error}): give rows that are all of one shape.") from None
    if array.dtype.kind not in "biuf":
        raise InputError(f"--rows holds {array.dtype}, expected numbers: make it an array of floats or whole numbers.")
    if array.shape == model.input_shape:
        raise InputError(f"--rows has the shape of a single row, {array.shape}: give rows[None].")
    if array.shape[1:] != model.input_shape or len(array) == 0:
        expected = "(n, " + ", ".join(map(str, model.input_shape)) + ")"
        raise InputError(f"--rows has shape {array.shape}, but {model.name!r} takes {expected}, with n at least 1.")
    return array


def check_destination(to: Path | str | None, suffix: str = SUFFIX) -> Path | None:
    """The file that is to be written, absolute; None where none is named.

    Raises
    ------
    InputError
        If it can't be written.
    """
    if to is None:
        return None
    path = Path(to).expanduser().absolute()
    if path.suffix != suffix or path.is_dir():
        raise InputError(f"--to is {str(to)!r}, expected a file whose name ends in {suffix}.")
    if not path.parent.is_dir():
        raise InputError(f"There is no folder {path.parent}: make it, or give another --to.")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"The folder {path.parent} may not be written to: give another --to.")
    return path


def class_names(model: Model, names: tuple[str, ...]) -> tuple[str, ...]:
    """The names, if the model gives a probability for each (or for the second of two); else none."""
    fits = model.output_shape == (len(names),) or (model.output_shape == (1,) and len(names) == 2)
    return names if fits else ()


def _keep(
    lab: Lab, model: Model, answers: Answers, source: str, names: tuple[str, ...], labels: list[str], to: Path | None
) -> Prediction:
    """Give the answers their name, and say what they are."""
    preview = _preview(np.load(answers.file, mmap_mode="r")[:PREVIEW], names, labels)
    if to is None:
        path = keep_numbered(answers.file, lab.workspace.path(FOLDER), model.name)
    else:
        path = to
        with replacing_file(path) as aside:
            shutil.move(answers.file, aside)  # it may be on another disk
    return Prediction(model.name, source, path, answers.rows, answers.seconds, answers.workers, names, preview)


def _preview(answers: NDArray[Any], names: tuple[str, ...], labels: list[str]) -> tuple[tuple[object, ...], ...]:
    """The first rows for a person."""
    if names:
        chosen, shares = choose(answers)
        said: list[tuple[str, ...]] = [(names[c], f"{p:.4f}") for c, p in zip(chosen, shares, strict=True)]
    else:
        flat = answers.reshape(len(answers), -1)
        more = ", ..." if flat.shape[1] > 6 else ""
        said = [(", ".join(f"{value:.4g}" for value in row[:6]) + more,) for row in flat]
    return tuple((n, *cells, *labels[n : n + 1]) for n, cells in enumerate(said))
