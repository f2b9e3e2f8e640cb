"""The shape and the dtype in which rows are stored: those that they came in, since a model may mean just these.

Whole numbers, booleans and text stay what they are. Floats are stored as float32, in which models compute, unless that
would make another number of a whole one (float32 tells whole numbers apart up to 2^24): these stay float64. Whether a
model can take what is stored is looked at where the two meet: `lepton_lab/runtime/_dtypes.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lepton_lab.data._base import Array, has_halves, is_exact, is_missing, missing_texts
from lepton_lab.errors import DataError, InputError
from lepton_lab.runtime import as_text, blurs


def shaped(x: Array, what: str) -> Array:
    """Rows as numbers, booleans or text, of at least one dimension each; text as `<U`.

    Raises
    ------
    InputError
        If they are something else.
    DataError
        If rows are empty, or texts are missing.
    """
    if x.dtype.kind in "OST":
        x = _text(x, what)
    if x.dtype.kind == "U" and has_halves(x):
        raise InputError(f"{what} has halves of characters in its text: clean it first")
    if x.dtype.kind not in "biufU":
        mend = {"c": "give x.real and x.imag side by side", "M": "give what counts of it, such as days since a date"}
        raise InputError(
            f"{what} has dtype {x.dtype}, expected numbers, booleans or text: "
            f"{mend.get(x.dtype.kind, 'make it an array of numbers')}"
        )
    if x.ndim == 1:
        x = x[:, None]
    if 0 in x.shape[1:]:
        raise DataError(f"{what} has shape {x.shape}: its rows are empty")
    return x


def stored_dtype(parts: Mapping[str, Array], what: str) -> np.dtype[Any]:
    """The dtype that checked rows are stored in, the same for all splits.

    Raises
    ------
    InputError
        If the splits have dtypes that no single one can hold.
    """
    kinds = {split: "text" if x.dtype.kind == "U" else "numbers" for split, x in parts.items()}
    if len(set(kinds.values())) > 1:
        raise InputError(f"{what} is {kinds['train']} in train but {kinds['test']} in test, expected the same kind")
    own = [x.dtype.newbyteorder("=") for x in parts.values()]
    dtype = np.result_type(*own)
    if dtype.kind == "f" and all(one.kind in "iu" for one in own):  # int64 beside uint64
        raise InputError(f"{what} has dtype {own[0]} in train but {own[1]} in test: give both the same, as astype does")
    if dtype.kind != "f":
        return dtype
    is_blurred = any(blurs(x) if x.dtype.kind == "f" else not is_exact(x).all() for x in parts.values())
    if is_blurred and any(x.dtype.kind in "iu" and not is_exact(x, np.float64).all() for x in parts.values()):
        raise InputError(
            f"{what} has floats in one split and whole numbers that no float holds in another: give both the same dtype"
        )
    return np.dtype(np.float64 if is_blurred else np.float32)


def _text(x: Array, what: str) -> Array:
    """Texts, or bytes (UTF-8), of dtype object or NumPy's strings as `<U`."""
    if x.dtype == object and x.size and all(isinstance(value, bytes) for value in x.flat):
        x = x.astype(bytes)  # as TensorFlow's tensors of text come
    if x.dtype.kind == "S":
        try:
            return np.char.decode(x, "utf-8")
        except UnicodeDecodeError:
            raise DataError(f"{what} has bytes that are no text in UTF-8: decode them first") from None
    x = x.astype(object)  # NumPy's strings of any length too
    is_text = np.array([isinstance(value, str) for value in x.flat], bool).reshape(x.shape)
    if is_text.all():
        if any(value[-1:] == "\0" for value in x.flat):
            raise InputError(f"{what} has texts that end with a zero byte: clean them first")
        return as_text(x)
    missing = np.array([is_missing(value) for value in x.flat], bool).reshape(x.shape)
    if is_text.any() and (is_text | missing).all():
        bad = missing.reshape(len(x), -1).any(axis=1)
        raise missing_texts(what, int(bad.sum()), int(bad.argmax()))
    raise InputError(
        f"{what} has dtype object, expected numbers, booleans or text: convert it, such as x.astype('float32'); rows "
        "of unequal length also end as object"
    )
