"""Whether an exported file answers as the notebook's model does, on the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import ConversionError, InputError
from lepton_lab.export._base import SAME_ANSWERS, TOLERANCE
from lepton_lab.files import checksum
from lepton_lab.runtime import TEXT, Port, fitted, open_model, open_rows, predict
from lepton_lab.types import Agreement, Dataset, Model, by_name, records


def rows_to_try(model: Model, dataset: Dataset | None, count: int) -> tuple[NDArray[Any], str]:
    """Rows for the comparison and where they are from: spread over the test split, or else the training split."""
    if count < 1:
        raise InputError(f"rows={count}: give at least 1 row to compare the exported file on.")
    if dataset is None:
        # Made-up rows can't show how good a file is, but they show whether it answers alike.
        random = np.random.default_rng(0)
        made = {port.name: _made_up(port, count, random) for port in open_model(model.file, model.code).inputs}
        kinds = ", ".join(dict.fromkeys(_MADE_UP[_kind(rows)] for rows in made.values()))
        rows = records(made) if len(made) > 1 else next(iter(made.values()))
        return rows, f"made up ({kinds}): no data set was given"
    dataset = fitted(model, dataset)
    split = "test" if "test" in dataset.splits else "train"
    x, _ = open_rows(dataset, split)
    picked = np.unique(np.linspace(0, len(x) - 1, min(count, len(x))).astype(int))
    return np.asarray(x[picked]), "; ".join((f"{dataset.name}/{split}", *dataset.arrangement.notes))


def _made_up(port: Port, count: int, random: np.random.Generator) -> NDArray[Any]:
    made = random.uniform(0, 1, (count, *port.shape[1:]))
    if port.dtype == TEXT:
        return np.where(made < 0.5, "a", "b")
    return made.astype(port.dtype) if np.dtype(port.dtype).kind == "f" else made.round().astype(port.dtype)


def _kind(rows: NDArray[Any]) -> str:
    return rows.dtype.kind if rows.dtype.kind in _MADE_UP else "i"


_MADE_UP = {"U": "a or b", "f": "uniform, 0 to 1", "i": "0 or 1"}
"""By the kind of dtype: 0 and 1 are in every vocabulary."""


def agree(ours: NDArray[Any], theirs: NDArray[Any], tolerance: float = TOLERANCE) -> Agreement:
    """How far `theirs` lie from `ours`, both of shape (rows, *output_shape); NaN agrees with NaN, and inf with inf."""
    num_rows, width = len(ours), ours.shape[-1] if ours.ndim > 2 and ours.shape[-1] > 1 else ours[0].size
    ours, theirs = (np.asarray(answers, np.float64).reshape(-1, width) for answers in (ours, theirs))
    are_finite = np.isfinite(ours) & np.isfinite(theirs)
    apart = np.where((ours == theirs) | (np.isnan(ours) & np.isnan(theirs)), 0.0, np.inf)
    np.subtract(ours, theirs, out=apart, where=are_finite)
    apart = np.abs(apart)
    if ours.shape[1] > 1:
        same = float((ours.argmax(axis=1) == theirs.argmax(axis=1)).mean())
    else:
        same = float((apart <= tolerance * scale(ours)).mean())
    return Agreement(num_rows, float(apart.max()), same)


def scale(answers: NDArray[Any]) -> float:
    """What a difference is to be compared with: the greatest absolute answer that is a number."""
    tiny = float(np.finfo(np.float32).tiny)
    return float(np.abs(answers[np.isfinite(answers)]).max(initial=tiny))


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
    ours = by_name(predict(model.file, rows, code=model.code))
    theirs = by_name(predict(written, rows, code=model.code))
    if set(ours) != set(theirs):
        raise ConversionError(
            f"The exported file has the outputs {', '.join(theirs)}, {model.name!r} has {', '.join(ours)}: nothing was "
            "written. Export it in another format."
        )
    return _worst([_check(model, name, ours[name], theirs[name], tolerance) for name in ours])


def _worst(found: Sequence[Agreement]) -> Agreement:
    """Of all outputs."""
    return Agreement(found[0].rows, max(one.max_difference for one in found), min(one.same_answer for one in found))


def _check(model: Model, output: str, ours: NDArray[Any], theirs: NDArray[Any], tolerance: float) -> Agreement:
    """`check_agreement` for one output."""
    whose = f"answers {output!r}" if output else "answers"
    if ours.shape != theirs.shape:
        raise ConversionError(
            f"The exported file's {whose} have the shape {theirs.shape[1:]}, those of {model.name!r} "
            f"{ours.shape[1:]}: nothing was written. Export it in another format."
        )
    if not np.isfinite(ours).any():
        raise ConversionError(
            f"Model {model.name!r} answers none of {len(ours)} rows with a number, only with NaN or infinity, so that "
            "nothing can be compared: nothing was written. Train it anew, with a smaller learning rate perhaps."
        )
    found = agree(ours, theirs, tolerance)
    if not found.max_difference <= tolerance * scale(ours):
        raise ConversionError(
            f"The exported file's {whose} differ from those of {model.name!r} by up to {found.max_difference:.2g} on "
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
    base = model.parent.partition("@")[0]  # the parent may be an earlier version by now
    folders = (model.folder.parent / base, *model.folder.parent.glob(f"{base}@*"))
    files = [folder / "model.keras" for folder in folders if (folder / "model.keras").is_file()]
    parent = next((file for file in files if model.parent_sha256 in ("", checksum(file))), None)
    if parent is None:
        return None
    try:
        ours, theirs = by_name(predict(parent, rows, code=model.code)), by_name(predict(written, rows))
        found = _worst([agree(answers, theirs[name]) for name, answers in ours.items()])
    except InputError:  # the parent was made anew, with other code of its own
        return None
    return {
        "model": model.parent,
        "rows": found.rows,
        "same_answer": found.same_answer,
        "max_difference": found.max_difference,
    }
