"""Rows of several arrays as one array of records, and back.

A data set with several inputs or targets keeps them side by side in one `.npy` file of a structured dtype, such as
`[("image", "u1", (28, 28, 1)), ("table", "f4", (5,))]`: to map, shard, check and take rows is then the same for all.
NumPy is imported when it is needed, for whoever loads the notebook's extension needs the values, but no NumPy yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]


def fields(array: Array) -> dict[str, Array]:
    """The plain arrays that records are made of, by name, each contiguous and the caller's own.

    Parameters
    ----------
    array
        Of a structured dtype, shape (rows,); may be memory-mapped.

    Returns
    -------
    Name and array of shape (rows, *the field's shape), in the records' order.
    """
    import numpy as np

    if array.dtype.names is None:
        raise TypeError(f"got an array of {array.dtype}, expected records, whose dtype has names")
    return {name: np.array(array[name], order="C") for name in array.dtype.names}


def by_name(array: Array) -> dict[str, Array]:
    """The fields of records by name; an array that isn't made of records is the only one, called ""."""
    return {"": array} if array.dtype.names is None else fields(array)


def records(arrays: Mapping[str, Array]) -> Array:
    """Arrays of as many rows each, side by side as records of shape (rows,); what `fields` takes apart."""
    import numpy as np

    dtype = record_dtype({name: (array.shape[1:], array.dtype) for name, array in arrays.items()})
    made = np.empty(len(next(iter(arrays.values()))), dtype)
    for name, array in arrays.items():
        made[name] = array
    return made


def record_dtype(parts: Mapping[str, tuple[tuple[int, ...], Any]]) -> np.dtype[Any]:
    """The structured dtype of records with these fields: shape and dtype (or its name) by the field's name."""
    import numpy as np

    return np.dtype([(name, dtype, shape) for name, (shape, dtype) in parts.items()])
