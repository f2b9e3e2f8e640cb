"""`lab.predict`: rows in, a file of answers out, by the cluster's workers where there are many rows."""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import InputError
from lepton_lab.evaluate import answer_here, answer_on, begin
from lepton_lab.files import replacing_file, scratch
from lepton_lab.lab._drawn import draw
from lepton_lab.lab._given_rows import check_rows
from lepton_lab.lab._numbered import keep_numbered
from lepton_lab.runtime import are_logits, open_rows
from lepton_lab.types import Dataset, Model, Prediction, Target, as_probabilities, fields
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
ROWS = "rows.npy"
"""Beside the answers, where rows were given."""
_MOST_NUMBERS = 6
"""Of a row that are shown."""


@dataclass(frozen=True)
class Answers:
    """Answers in a folder that is soon removed."""

    file: Path
    rows: int
    seconds: float
    workers: tuple[str, ...]


@contextmanager
def answering_split(
    lab: Lab, model: Model, dataset: Dataset, split: str, *, marks_masked: bool = False
) -> Iterator[Answers]:
    """A model's answers to a split of a data set that was fitted to it, for as long as the block runs.

    `marks_masked` is as for `begin`.
    """
    rows, _ = open_rows(dataset, split)
    with scratch(lab.workspace.path(FOLDER)) as folder:
        file = dataset.folder / split / "x.npy"
        if dataset.arrangement.changes_rows:
            file = folder / ROWS
            np.save(file, rows)  # a copy that workers see
        yield _answer(lab, model, file, len(rows), folder, marks_masked)


@contextmanager
def answering_rows(lab: Lab, model: Model, array: NDArray[Any]) -> Iterator[Answers]:
    """A model's answers to rows that it can take, for as long as the block runs."""
    with scratch(lab.workspace.path(FOLDER)) as folder:
        np.save(folder / ROWS, array)
        yield _answer(lab, model, folder / ROWS, len(array), folder)


def _answer(
    lab: Lab, model: Model, rows_file: Path, num_rows: int, folder: Path, marks_masked: bool = False
) -> Answers:
    started = time.perf_counter()
    file = folder / f"answers{SUFFIX}"
    layout = None
    if not model.output_shape or None in model.output_shape:
        layout = lab.call("lepton_lab.evaluate:find_layout", {"model": model, "rows_file": rows_file})
    work = begin(model, rows_file, num_rows, file, layout=layout, marks_masked=marks_masked)
    is_worth_it = num_rows * (math.prod(model.input_shape) + model.num_parameters) >= MIN_COST
    sight = lab.cluster.handle.sight(lab.workspace.folder) if is_worth_it and lab.cluster.is_up else None
    if sight is not None and sight.seeing:
        only = [worker.address for worker in sight.seeing] if sight.blind else None
        names = answer_on(lab.cluster.handle.client, len(sight.seeing), work, lab.events.publish, only)
    else:
        names = answer_here(work, lab.events.publish)
    return Answers(file, num_rows, time.perf_counter() - started, names)


def predict_split(lab: Lab, model: Model, dataset: Dataset, split: str, to: Path | None) -> Prediction:
    """What a model answers to a split of a data set that was fitted to it, with its labels beside."""
    with answering_split(lab, model, dataset, split) as answers:
        x, y = (np.asarray(part[:PREVIEW]) for part in open_rows(dataset, split))
        targets = dict(dataset.targets) or {"": dataset.target}
        found = _keep(lab, model, answers, f"{dataset.name}/{split}", targets, x, y, to)
    return replace(found, notes=dataset.arrangement.notes)


def predict_rows(lab: Lab, model: Model, rows: object, to: Path | None) -> Prediction:
    """What a model answers to an array, a frame, or a dict of arrays by the names of its inputs."""
    array, notes = check_rows(model, rows)
    with answering_rows(lab, model, array) as answers:
        targets = _targets_of(lab, model)
        shown = np.load(answers.file.with_name(ROWS), mmap_mode="r")[:PREVIEW]
        found = _keep(lab, model, answers, "rows of the notebook", targets, shown, None, to)
    return replace(found, notes=notes)


def _targets_of(lab: Lab, model: Model) -> dict[str, Target]:
    """What a model was trained for, as far as that is known; the name of a single target is empty."""
    if model.dataset in lab.data.names():
        dataset = lab.data.get(str(model.dataset))
        if dataset.targets:
            return dict(dataset.targets)
        # the data set may have been loaded anew since, with other classes, or numbers
        if not model.classes:
            return {"": replace(dataset.target, kind="numbers", classes=())}
        if dataset.target.kind != "numbers":
            return {"": replace(dataset.target, classes=model.classes)}
    is_of_classes = class_names(model, model.classes)
    return {"": Target("classes", classes=model.classes) if is_of_classes else Target("numbers")}


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
    lab: Lab,
    model: Model,
    answers: Answers,
    source: str,
    targets: dict[str, Target],
    rows: NDArray[Any],
    labels: NDArray[Any] | None,
    to: Path | None,
) -> Prediction:
    """Give the answers their name, and say what they are."""
    found = np.load(answers.file, mmap_mode="r")
    several = found.dtype.names is not None
    target = next(iter(targets.values())) if not several else Target("numbers")
    names = class_names(model, target.classes if target.kind == "classes" else ())
    are_of_logits = not several and are_logits(model, target, found)
    first = found[:PREVIEW]
    preview = _preview(fields(first) if several else {"": first}, targets, labels, model)
    images = draw(rows, first, target, None if several else labels, are_of_logits)
    if to is None:
        path = keep_numbered(answers.file, lab.workspace.path(FOLDER), model.name)
    else:
        path = to
        with replacing_file(path) as aside:
            shutil.move(answers.file, aside)  # it may be on another disk
    kind = target.kind if are_of_logits else ""
    return Prediction(
        model.name, source, path, answers.rows, answers.seconds, answers.workers, names, preview, images, kind
    )


def _preview(
    answers: Mapping[str, NDArray[Any]], targets: Mapping[str, Target], labels: NDArray[Any] | None, model: Model
) -> tuple[tuple[object, ...], ...]:
    """The first rows for a person: what each output says, and the label behind, where it is known."""
    cells: list[tuple[str, ...]] = [() for _ in next(iter(answers.values()))]
    told: list[list[str]] = [[] for _ in cells]
    for name, own in answers.items():
        target = targets.get(name) or Target("numbers")
        if target.kind != "numbers" and are_logits(model, target, own, name):
            own = as_probabilities(own, target.kind)
        said = _said(own, target)
        if name:
            told = [[*row, f"{name} {' '.join(words)}"] for row, words in zip(told, said, strict=True)]
        else:
            cells = said
    if any(answers):
        cells = [("; ".join(row),) for row in told]
    if labels is not None:
        shown = fields(labels) if labels.dtype.names else {"": labels}
        for n, row in enumerate(cells):
            texts = [f"{name} {_text(own[n], targets[name])}".strip() for name, own in shown.items()]
            cells[n] = (*row, "; ".join(texts))
    return tuple((n, *row) for n, row in enumerate(cells))


def _said(answers: NDArray[Any], target: Target) -> list[tuple[str, ...]]:
    """What answers say of each row: a class and its probability, the classes of the positions, or numbers."""
    width = max(1, answers[0].size // math.prod(target.positions))
    is_of_classes = target.kind == "classes" and (
        width == len(target.classes) or (width, len(target.classes)) == (1, 2)
    )
    if is_of_classes and not target.positions:
        chosen, shares = choose(answers)
        return [(target.classes[c], f"{p:.4f}") for c, p in zip(chosen, shares, strict=True)]
    if is_of_classes:
        chosen = choose(answers.reshape(-1, width))[0].reshape(len(answers), *target.positions)
        return [(_text(row, target),) for row in chosen]
    return [(_text(row, Target("numbers")),) for row in answers]


def _text(value: Any, target: Target) -> str:
    """A label, or the first few of several."""
    flat = np.ravel(value)
    more = ", ..." if len(flat) > _MOST_NUMBERS else ""
    if target.kind == "classes":
        names = [target.classes[n] if n >= 0 else "-" for n in flat[:_MOST_NUMBERS]]
        return ", ".join(names) + more
    return ", ".join(f"{number:.4g}" for number in flat[:_MOST_NUMBERS]) + more
