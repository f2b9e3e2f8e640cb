"""Rows in the dtype that a model's input has: kept or refused, never another number.

Floats are rounded as Keras rounds them, to float32. Whole numbers are names of things as often as they are quantities,
so none becomes another one: 16,777,217 is no float32, 3.7 no whole number, -1 no uint8.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import InputError
from lepton_lab.runtime._keras3 import input_names

TEXT = "string"
"""What TensorFlow and ONNX call the dtype of text."""
_BLOCK_BYTES = 2**22


def as_dtype(rows: NDArray[Any], dtype: str, what: str = "the rows") -> NDArray[Any]:
    """The rows as a model's input takes them.

    Parameters
    ----------
    rows
        Numbers, booleans or text, shape (n, ...).
    dtype
        NumPy's name, or `TEXT`: text stays `<U`, which TensorFlow takes as it is.
    what
        What the rows are called in messages.

    Raises
    ------
    InputError
        If a value would become another one.
    """
    if (rows.dtype.kind in "US") != (dtype == TEXT):
        own = "text" if rows.dtype.kind in "US" else rows.dtype.name
        wanted = "text" if dtype == TEXT else dtype
        mend = "begin the model with a TextVectorization or StringLookup layer" if own == "text" else "give text"
        raise InputError(f"The model takes {wanted}, but {what} are {own}: {mend}, or name other data.")
    if dtype == TEXT or rows.dtype == dtype:
        return rows
    with np.errstate(all="ignore"):
        made = rows.astype(dtype)
    if _is_safe(rows.dtype, made.dtype) or (rows.dtype.kind == "f" and made.dtype.kind == "f" and not blurs(rows)):
        return made
    with np.errstate(all="ignore"):
        is_other = made.astype(np.float64) != rows if rows.dtype.kind == "f" else made.astype(rows.dtype) != rows
        if made.dtype.kind in "iub" and rows.dtype.kind in "iub":
            is_other |= made != rows  # what wraps round there and back, such as -1 in uint8
    if is_other.any():
        place = np.unravel_index(int(is_other.argmax()), rows.shape)
        where = f"row {place[0]}" + (f", column {', '.join(map(str, place[1:]))}" if len(place) > 1 else "")
        mend = (
            "subtract the smallest value, divide, or leave the column out; an id belongs into an int64 input"
            if made.dtype.kind == "f"
            else f"give values that {dtype} can hold, or make the model's input of another dtype"
        )
        raise InputError(f"The model takes {dtype}, which can't hold {rows[place]} of {what} ({where}): {mend}.")
    return made


def check_dtype(rows: NDArray[Any], dtype: str, what: str = "the rows") -> None:
    """Raise InputError where `as_dtype` would, a block at a time; rows may be memory-mapped."""
    if dtype == rows.dtype or (dtype != TEXT and _is_safe(rows.dtype, np.dtype(dtype))):
        return
    for block in _blocks(rows):
        as_dtype(block, dtype, what)


def _is_safe(own: np.dtype[Any], wanted: np.dtype[Any]) -> bool:
    """Whether any value of the one is a value of the other; NumPy says so of int64 and float64, too."""
    whole_bits = {4: 24, 8: 53}.get(wanted.itemsize, 0) if wanted.kind == "f" else 64
    is_exact = own.kind not in "iu" or 8 * own.itemsize <= whole_bits
    return own.kind in "biuf" and is_exact and np.can_cast(own, wanted, "safe")


def input_dtypes(model: Any) -> dict[str, str]:
    """The dtype of each of a Keras model's inputs, by its name."""
    import tensorflow as tf

    ends = zip(input_names(model), model.inputs, strict=True)
    return {name: tf.as_dtype(tensor.dtype).name for name, tensor in ends}


def cast_inputs(model: Any, rows: Any) -> Any:
    """Tensors of rows, one or by name, in the dtypes of a Keras model's inputs; `check_dtype` says if that may be."""
    import tensorflow as tf

    dtypes = input_dtypes(model)
    if isinstance(rows, dict):
        return {name: part if dtypes[name] == TEXT else tf.cast(part, dtypes[name]) for name, part in rows.items()}
    (dtype,) = dtypes.values()
    return rows if dtype == TEXT else tf.cast(rows, dtype)


def blurs(rows: NDArray[Any]) -> bool:
    """Whether float32 would make other numbers of whole ones, where a column, or all rows, hold nothing else.

    Parameters
    ----------
    rows
        Of any float dtype, shape (n, ...); looked at column by column where that is (n, columns).
    """
    if rows.dtype.itemsize <= 4:
        return False
    axis = 0 if rows.ndim == 2 else None
    whole: Any = True
    changed: Any = False
    for block in _blocks(rows):
        with np.errstate(over="ignore"):
            whole = whole & (block == np.floor(block)).all(axis=axis)
            changed = changed | (block.astype(np.float32) != block).any(axis=axis)
        if not np.any(whole):
            return False
    return bool(np.any(whole & changed))


def _blocks(rows: NDArray[Any]) -> Iterator[NDArray[Any]]:
    step = max(1, _BLOCK_BYTES // max(1, rows[:1].nbytes))
    for start in range(0, len(rows), step):
        yield np.asarray(rows[start : start + step])
