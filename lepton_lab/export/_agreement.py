"""Whether an exported file answers as the notebook's model does, on the same rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import ConversionError, InputError
from lepton_lab.export._base import SAME_ANSWERS, TOLERANCE
from lepton_lab.runtime import check_fits, check_one_each, open_rows, predict
from lepton_lab.types import Agreement, Dataset, Model


def rows_to_try(model: Model, dataset: Dataset | None, count: int) -> tuple[NDArray[np.float32], str]:
    """Rows for the comparison and where they are from: spread over the test split, or else the training split."""
    if count < 1:
        raise InputError(f"rows={count}: give at least 1 row to compare the exported file on.")
    check_one_each(model, dataset, "export")
    if dataset is None:
        # Made-up rows can't show how good a file is, but they show whether it answers alike.
        made = np.random.default_rng(0).uniform(0, 1, (count, *model.input_shape))
        return made.astype(np.float32), "made up (uniform, 0 to 1): no data set was given"
    check_fits(model, dataset)
    split = "test" if "test" in dataset.splits else "train"
    x, _ = open_rows(dataset, split)
    picked = np.unique(np.linspace(0, len(x) - 1, min(count, len(x))).astype(int))
    return np.asarray(x[picked], np.float32), f"{dataset.name}/{split}"


def agree(ours: NDArray[Any], theirs: NDArray[Any], tolerance: float = TOLERANCE) -> Agreement:
    """How far `theirs` lie from `ours`, both of shape (rows, *output_shape)."""
    ours, theirs = (np.asarray(answers, np.float64).reshape(len(answers), -1) for answers in (ours, theirs))
    difference = float(np.abs(ours - theirs).max()) if np.isfinite(theirs).all() else float("inf")
    if ours.shape[1] > 1:
        same = float((ours.argmax(axis=1) == theirs.argmax(axis=1)).mean())
    else:
        same = float((np.abs(ours - theirs) <= tolerance * scale(ours)).mean())
    return Agreement(len(ours), difference, same)


def scale(answers: NDArray[Any]) -> float:
    """What a difference is to be compared with: the greatest absolute answer."""
    return max(float(np.abs(answers).max()), float(np.finfo(np.float32).tiny))


def check_agreement(model: Model, written: Path, rows: NDArray[Any], tolerance: float = TOLERANCE) -> Agreement:
    """Load `written` afresh and compare it with the lab's own file on `rows`.

    Parameters
    ----------
    tolerance
        Greatest difference allowed, relative to the outputs' scale. Beyond `TOLERANCE` nearly all rows must have the
        same answer, too.

    Raises
    ------
    ConversionError
        If they differ by more.
    """
    ours = predict(model.file, rows, code=model.code)
    theirs = predict(written, rows, code=model.code)
    if ours.shape != theirs.shape:
        raise ConversionError(
            f"The exported file answers with shape {theirs.shape[1:]}, {model.name!r} with {ours.shape[1:]}: nothing "
            "was written. Export it in another format."
        )
    found = agree(ours, theirs, tolerance)
    if not found.max_difference <= tolerance * scale(ours):
        raise ConversionError(
            f"The exported file's answers differ from those of {model.name!r} by up to {found.max_difference:.2g} on "
            f"{found.rows} rows, more than {tolerance:g} of the outputs' scale {scale(ours):.2g}: nothing was written. "
            "Export it in another format."
        )
    if tolerance > TOLERANCE and found.same_answer < SAME_ANSWERS:
        raise ConversionError(
            f"The exported file answers only {found.same_answer:.1%} of {found.rows} rows as {model.name!r} does, and "
            f"{SAME_ANSWERS:.1%} are needed: nothing was written. Export it in another format."
        )
    return found


def agreement_with_parent(model: Model, written: Path, rows: NDArray[Any]) -> dict[str, Any] | None:
    """How the Keras model that a quantised one was made from answers the same rows; None where it is gone."""
    if model.format != "tflite" or model.parent is None:
        return None
    parent = model.folder.parent / model.parent / "model.keras"
    if not parent.is_file():
        return None
    try:
        found = agree(predict(parent, rows, code=model.code), predict(written, rows))
    except InputError:  # the parent was made anew, with other code of its own
        return None
    return {
        "model": model.parent,
        "rows": found.rows,
        "same_answer": found.same_answer,
        "max_difference": found.max_difference,
    }
