"""Rows whose shape differs from the model's by a last axis of 1, as pictures of 28 x 28 and a model for 28 x 28 x 1.

Both say the same of a row, and which of them somebody writes is a matter of habit; Keras's `fit` takes either, too.
Here it is decided and said, wherever rows meet a model.
"""

from __future__ import annotations

from collections.abc import Mapping

from lepton_lab.runtime._ends import read_ends
from lepton_lab.types import Model

Shape = tuple[int, ...]


def input_shapes(model: Model) -> Mapping[str, Shape]:
    """The shape of one row of each of a model's inputs, by name; a single one is called "".

    Raises
    ------
    InputError
        If there are several and its file can't be read.
    """
    return {"": model.input_shape} if model.input_shape else read_ends(model.file).inputs


def is_same_row(own: Shape, wanted: Shape) -> bool:
    """Whether shapes of a row differ by a last axis of 1, and by nothing else."""
    return own == (*wanted, 1) or wanted == (*own, 1)


def same_row_note(whose: str, own: Shape, model: str, wanted: Shape) -> str:
    """What was done to rows, for a person."""
    return f"rows of {whose} have shape {own} and were given to {model} as {wanted}, which it takes"
