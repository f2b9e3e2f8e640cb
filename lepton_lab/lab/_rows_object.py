"""Rows of the notebook that a line names: what tells them from others, and a frame's columns as inputs of a model."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lepton_lab.data import is_frame
from lepton_lab.errors import InputError
from lepton_lab.runtime import listed

if TYPE_CHECKING:
    import pandas as pd


def by_column(frame: pd.DataFrame, inputs: Sequence[str], name: str) -> tuple[dict[str, Any], Any]:
    """A frame as rows for a model that has an input for each column, and what is to be learnt: the column left over.

    Raises
    ------
    InputError
        If columns are missing, or not one is left over.
    """
    missing = [one for one in inputs if one not in frame.columns]
    others = [one for one in frame.columns if one not in inputs]
    if missing:
        raise InputError(f"{name!r} lacks the columns {listed(missing)}, which the model has inputs for.")
    if len(others) != 1:
        which = f"has the columns {listed(list(map(str, others)))}" if others else "has no column"
        raise InputError(f"{name!r} {which} besides the model's inputs: leave one, which is to be learnt.")
    return {one: frame[one] for one in inputs}, frame[others[0]]


def mark_of_rows(value: object, inputs: Sequence[str] = ()) -> str:
    """What changes when arrays, frames or a file do, or what they are taken as: `inputs` are as for `by_column`."""
    digest = hashlib.blake2b(repr(tuple(inputs)).encode(), digest_size=20)
    _add(digest, value)
    return digest.hexdigest()


def _add(digest: Any, value: object) -> None:
    if isinstance(value, Mapping):
        for key, part in value.items():
            digest.update(f"{key!r}:".encode())
            _add(digest, part)
    elif isinstance(value, str | Path):
        path = Path(value).expanduser().absolute()
        digest.update(f"{path} {path.stat().st_mtime_ns if path.is_file() else 0}".encode())
    elif isinstance(value, list) and value and isinstance(value[0], list | int | float | str):
        try:
            _add(digest, np.asarray(value))
        except ValueError:  # of unequal lengths
            digest.update(pickle.dumps(value))
    elif isinstance(value, tuple | list):
        digest.update(f"{len(value)} of".encode())
        for part in value:
            _add(digest, part)
    elif is_frame(value):
        _add(digest, {str(place): [str(name), value.iloc[:, place]] for place, name in enumerate(value.columns)})
    else:
        array = np.asarray(value)
        digest.update(f"{array.shape} {array.dtype}".encode())
        is_plain = array.dtype.kind in "biufc"
        digest.update(np.ascontiguousarray(array).tobytes() if is_plain else pickle.dumps(array.tolist()))
