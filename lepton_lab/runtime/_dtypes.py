"""Rows in the dtype that a model's input has: kept or refused, never another number.

Floats are rounded as Keras rounds them, to float32. Whole numbers are names of things as often as they are quantities,
so none becomes another one: 16,777,217 is no float32, 3.7 no whole number, -1 no uint8.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import InputError
from lepton_lab.runtime._keras3 import input_names

TEXT = "string"
"""What TensorFlow and ONNX call the dtype of text."""
_BLOCK_BYTES = 2**22
_MOST_TEXT_BYTES = 2**32


def exact_array(values: Any) -> NDArray[Any]:
    """What `np.asarray` makes of values, where that keeps each of them; else an array of objects.

    NumPy makes text of numbers that stand beside text (and `nan` of a gap), floats of whole numbers that no float has,
    and cuts the zero bytes at a text's end.

    Raises
    ------
    ValueError, TypeError
        As NumPy does, for values of no regular shape.
    InputError
        If texts would take more memory than there should be for them.
    """
    if not isinstance(values, (list, tuple)):
        return np.asarray(values)
    if isinstance(_first(values), str):
        objects = np.asarray(values, dtype=object)
        return as_text(objects) if all(isinstance(one, str) and one[-1:] != "\0" for one in objects.flat) else objects
    made = np.asarray(values)
    if made.dtype.kind == "U" or (made.dtype.kind == "f" and (np.abs(made) >= 2**53).any()):
        objects = np.asarray(values, dtype=object)
        return made if made.dtype.kind == "f" and all(map(_is_float, objects.flat)) else objects
    return made


def as_text(texts: NDArray[Any]) -> NDArray[np.str_]:
    """Texts in an array of objects as `<U`, in which each takes as much room as the longest.

    Raises
    ------
    InputError
        If that is more than `_MOST_TEXT_BYTES`.
    """
    longest = max(map(len, texts.flat), default=0)
    if 4 * longest * texts.size > _MOST_TEXT_BYTES:
        raise InputError(
            f"the longest of {texts.size:,} texts has {longest:,} characters, and each would take as much room: cut "
            f"texts at {_MOST_TEXT_BYTES // (4 * texts.size):,} characters"
        )
    made: NDArray[np.str_] = texts.astype(str)
    return made


class LostNumberError(ValueError):
    """A whole number is among floats, none of which is that number; `place` is its index."""

    def __init__(self, value: object, place: tuple[int, ...]) -> None:
        super().__init__(f"no float is the whole number {value}")
        self.value, self.place = value, place


def from_python(values: NDArray[Any]) -> NDArray[Any]:
    """An array of Python's numbers, decimals among them, as int64 or uint64 where all are whole, else as float64.

    Whole ones stay Python's own where 64 bits don't hold them all.

    Raises
    ------
    LostNumberError
        If a whole one is among others and no float is that number.
    """
    if all(map(_is_whole, values.flat)):
        whole = np.array([int(value) for value in values.flat], dtype=object).reshape(values.shape)
        least, greatest = min(whole.flat, default=0), max(whole.flat, default=0)
        for dtype in (np.int64, np.uint64):
            if np.iinfo(dtype).min <= least and greatest <= np.iinfo(dtype).max:
                return whole.astype(dtype)
        return whole
    floats = values.astype(np.float64)
    for place in map(tuple, np.argwhere(np.isfinite(floats) & (np.abs(floats) >= 2**53))):
        if int(floats[place]) != values[place]:
            raise LostNumberError(values[place], place)
    return floats


def _is_whole(value: object) -> bool:
    """Whether a number is a whole one of a type that holds any."""
    if isinstance(value, Decimal):
        return value.is_finite() and value == value.to_integral_value()
    return isinstance(value, numbers.Integral | np.bool_)


def _first(values: Any) -> Any:
    while isinstance(values, (list, tuple)) and values:
        values = values[0]
    return values


def _is_float(value: Any) -> bool:
    """Whether a float is this very number."""
    return not isinstance(value, int | np.integer) or int(float(value)) == value


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
        where = f"row {place[0] + 1:,}" + (f", column {', '.join(map(str, place[1:]))}" if len(place) > 1 else "")
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
