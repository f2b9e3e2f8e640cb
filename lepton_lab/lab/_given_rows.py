"""Rows of one's own for `predict`: an array, or a frame whose columns find their places by name.

A row that a model can't take is refused by its number and column. A network would answer NaN with NaN, or by way of a
comparison with something that looks like any other answer.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import InputError
from lepton_lab.runtime import (
    LostNumberError,
    as_text,
    exact_array,
    from_python,
    is_same_row,
    listed,
    match_columns,
    read_ends,
    same_row_note,
    takes_text,
)
from lepton_lab.types import Model, records

if TYPE_CHECKING:
    import pandas as pd

_WHOSE = "--rows"
_AT_ONCE = 1 << 22
"""Numbers that are looked at together."""
_GREATEST = float(np.finfo(np.float32).max)


def check_rows(model: Model, rows: object) -> tuple[NDArray[Any], tuple[str, ...]]:
    """The rows as an array that the model can take, and what was put right in them.

    Raises
    ------
    InputError
        If they are no numbers, are missing or infinite somewhere, have other columns than the model, or another shape.
    """
    if isinstance(rows, str):
        raise InputError(f"--rows is {rows!r}, and no variable of the notebook is called so: give an array of rows.")
    rows = np.asarray(rows) if isinstance(rows, memoryview) else _alone(model, rows)
    frame = _as_frame(rows)
    if not model.input_shape:
        return _several(model, rows if frame is None else frame)
    notes: list[str] = []
    if frame is not None and not model.columns and model.format == "keras" and takes_text(model.file):
        rows, frame = frame.to_numpy(dtype=object), None
    if frame is not None:
        array, names, notes = _from_frame(model, frame)
        array = _shaped(model, array, model.input_shape, "--rows", notes)
        _check(model, array, model.input_shape, "--rows", names)
    else:
        array = _one(model, rows, model.input_shape, "--rows", notes)
    return array, tuple(notes)


def _alone(model: Model, rows: object) -> object:
    """What a dict holds under the name of a model's only input; other rows as they are.

    Raises
    ------
    InputError
        If they are a single row of a frame.
    """
    import pandas as pd

    if isinstance(rows, pd.Series) and len(rows) > 1 and model.input_shape == rows.shape:
        raise InputError("--rows is a single row of a frame: give rows.to_frame().T.")
    if not (isinstance(rows, Mapping) and len(rows) == 1 and model.input_shape):
        return rows
    [(name, value)] = rows.items()
    return value if not model.columns or name in read_ends(model.file).inputs else rows


def _several(model: Model, rows: object) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Rows for several inputs as records, from a dict of arrays or a frame with their names, and what was put right."""
    import pandas as pd

    inputs = read_ends(model.file).inputs
    notes: list[str] = []
    if isinstance(rows, pd.DataFrame):
        unused = [str(name) for name in rows.columns if name not in inputs]
        notes += [f"columns of --rows that {model.name} doesn't take were left out: {listed(unused)}"] if unused else []
        rows = {name: rows[name] for name in rows.columns if name in inputs}
    if not isinstance(rows, Mapping) or set(rows) != set(inputs):
        came = f"has {', '.join(map(str, rows))}" if isinstance(rows, Mapping) else f"is {type(rows).__name__}"
        raise InputError(f"--rows {came}, but {model.name!r} takes a dict of arrays by name: {', '.join(inputs)}.")
    parts = {name: _one(model, rows[name], shape, f"--rows[{name!r}]", notes) for name, shape in inputs.items()}
    counts = {name: len(part) for name, part in parts.items()}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{count} of {name}" for name, count in counts.items())
        raise InputError(f"--rows has {told}: give as many rows of each.")
    return records(parts), tuple(notes)


def _one(model: Model, rows: object, shape: tuple[int, ...], what: str, notes: list[str]) -> NDArray[Any]:
    """Rows for one input, from what has no names; what was put right is added to the notes."""
    array = _as_array(rows, what)
    if array.dtype.kind == "U" and (model.columns or (model.format == "keras" and not takes_text(model.file))):
        raise _no_numbers(array, what)
    array = _shaped(model, array, shape, what, notes)
    _check(model, array, shape, what, model.columns)
    return array


def _shaped(model: Model, array: NDArray[Any], shape: tuple[int, ...], what: str, notes: list[str]) -> NDArray[Any]:
    """The rows in an input's shape, where a last axis of 1 is all that they lack; that is noted, but of numbers."""
    own = array.shape[1:]
    if (own and array.shape == shape) or not array.ndim or not is_same_row(own, shape):
        return array
    if own:
        notes.append(same_row_note(what, own, model.name, shape))
    return array.reshape(len(array), *shape)


def _check(model: Model, array: NDArray[Any], shape: tuple[int, ...], what: str, columns: tuple[str, ...]) -> None:
    """Raise InputError unless an input takes these rows."""
    if array.shape == shape:
        raise InputError(f"{what} has the shape of a single row, {array.shape}: give rows[None].")
    if array.shape[1:] != shape or len(array) == 0:
        expected = "(n, " + ", ".join(map(str, shape)) + ")"
        raise InputError(f"{what} has shape {array.shape}, but {model.name!r} takes {expected}, with n at least 1.")
    _check_values(array, columns, what)


def _as_array(rows: object, what: str) -> NDArray[Any]:
    """The rows as numbers, or as text."""
    if isinstance(rows, Mapping | set | frozenset) or hasattr(rows, "tocsr"):
        raise InputError(f"{what} is a {type(rows).__name__}: give an array of shape (rows, columns), or a DataFrame.")
    if isinstance(rows, np.ma.MaskedArray):
        if np.ma.getmaskarray(rows).any():
            raise _refused(np.argwhere(np.ma.getmaskarray(rows))[0].tolist(), (), "a masked value", what)
        rows = rows.data
    elif isinstance(rows, Sequence) and any(isinstance(row, np.ma.MaskedArray) for row in rows):
        return _as_array(np.ma.stack(list(rows)), what)
    try:
        array = exact_array(rows)
        if array.dtype == object and all(_is_number(value) for value in array.flat):
            array = _as_numbers(array, what)
        if array.dtype == object and all(isinstance(value, bytes) for value in array.flat):
            array = array.astype(bytes)  # as TensorFlow's tensors of text come
        if array.dtype.kind == "S":
            array = np.char.decode(array, "utf-8")
        if array.dtype.kind in "OT" and all(isinstance(value, str) for value in array.flat):
            array = as_text(array.astype(object))
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f"{what} can't be made an array ({error}): give rows that are all of one shape.") from None
    if array.dtype.kind not in "biufU":
        raise _no_numbers(array, what)
    return array


def _as_numbers(values: NDArray[Any], what: str) -> NDArray[Any]:
    """Python's numbers as whole ones where they all are, else as float64."""
    try:
        found = from_python(values)
    except LostNumberError as lost:
        raise InputError(
            f"{what} has the whole number {lost.value} in row {lost.place[0] + 1:,} among floats, none of which is "
            "that number: give all values one type."
        ) from None
    if found.dtype == object:
        raise OverflowError("whole numbers beyond 64 bits")
    return found


def _no_numbers(array: NDArray[Any], what: str) -> InputError:
    import pandas as pd

    if array.dtype == object and len(missing := np.argwhere(pd.isna(array))):
        return _refused(missing[0].tolist(), (), "a missing value", what)
    types = sorted({type(value).__name__ for value in array.flat}) if array.dtype == object else []
    if len(types) > 1:
        return InputError(f"{what} holds values of the types {', '.join(types)}: give all of them one type.")
    return InputError(f"{what} holds {array.dtype}, expected numbers: make it an array of floats or whole numbers.")


def _is_number(value: object) -> bool:
    """Whether a value is a number, or is missing."""
    return value is None or isinstance(value, numbers.Real | Decimal | np.bool_)


def _as_frame(rows: object) -> pd.DataFrame | None:
    """The rows as a frame, where they have names; else None."""
    import pandas as pd

    if isinstance(rows, pd.DataFrame):
        return rows
    if isinstance(rows, np.ndarray) and rows.dtype.names is not None:
        return pd.DataFrame({name: rows[name] for name in rows.dtype.names})
    if isinstance(rows, Sequence) and len(rows):
        if all(isinstance(row, Mapping | pd.Series) for row in rows):  # such as what `iterrows` gives
            return pd.DataFrame([dict(row) for row in rows])
        if all(isinstance(row, tuple) and hasattr(row, "_asdict") for row in rows):  # what `itertuples` gives
            return pd.DataFrame([row._asdict() for row in rows])
    if hasattr(rows, "to_pandas"):  # Arrow's and Polars's tables
        try:
            frame = rows.to_pandas()
        except Exception as error:  # whatever a library of that kind raises
            raise InputError(f"--rows can't be made a DataFrame ({error}): give one.") from None
        return frame if isinstance(frame, pd.DataFrame) else None
    return None


def _from_frame(model: Model, frame: pd.DataFrame) -> tuple[NDArray[Any], tuple[str, ...], list[str]]:
    """A frame's rows with their columns where the model has them, their names, and what was put right."""
    import pandas as pd

    notes: list[str] = []
    is_unnamed = isinstance(frame.columns, pd.RangeIndex) and not {*map(str, frame.columns)} & {*model.columns}
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    names = list(frame.columns)
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise InputError(f"--rows has more than one column {listed(twice)}: give every column a name of its own.")
    labels = {model.target, *model.target.split(",")} & {*names} - {*model.columns, ""} if model.columns else set()
    if labels:
        left_out = [name for name in names if name in labels]
        notes.append(f"what the model is to answer was left out of --rows: {listed(left_out)}")
        frame = frame.drop(columns=left_out)
    texts = {
        name: [known for known in model.columns if known.startswith(f"{name}=") and known not in names]
        for name in frame.columns
        if name not in model.columns
    }
    given = [one for name in frame.columns for one in texts.get(name) or [name]]
    # names go before values: what the model doesn't know need not be numbers
    places, more = match_columns(model, () if is_unnamed else given, _WHOSE)
    parts = [
        _one_hot(frame[name], texts[name], model) if texts.get(name) else _numbers(frame[name])
        for name in frame.columns
    ]
    array = _side_by_side(given, parts) if parts else np.empty((len(frame), 0))
    if not places:
        return array, tuple(given), notes + more
    found = array[:, places]
    found[:, [place < 0 for place in places]] = 0
    return found, model.columns, notes + more


def _one_hot(column: pd.Series, known: list[str], model: Model) -> NDArray[Any]:
    """A column of text as the columns of 0 and 1 that it became in training."""
    name = str(column.name)
    missing = column.isna().to_numpy()
    if missing.any():
        raise _refused((int(missing.argmax()), 0), (name,), "a missing value")
    values = [one.removeprefix(f"{name}=") for one in known]
    text = column.astype(str).to_numpy(dtype=object)
    is_known = np.isin(text.astype(str), values)
    if not is_known.all():
        row = int((~is_known).argmax())
        raise InputError(
            f"--rows has {text[row]!r} in column {name!r}, row {row + 1:,}, which {model.name!r} doesn't know: it was "
            f"trained with {listed(values)}."
        )
    found: NDArray[Any] = (text[:, None] == np.asarray(values, dtype=object)[None, :]).astype(np.float64)
    return found


def _side_by_side(names: Sequence[str], parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Columns together; whole numbers that no float holds stay only where there are no floats."""
    if np.result_type(*parts).kind == "f":
        for name, column in zip(names, (column for part in parts for column in part.T), strict=True):
            if column.dtype.kind not in "iu":
                continue
            with np.errstate(invalid="ignore"):
                lost = (abs(column) > 2**53) & (column.astype(np.float64).astype(column.dtype) != column)
            if lost.any():
                row = int(lost.argmax())
                raise InputError(
                    f"--rows has the whole number {column[row]} in column {name!r}, row {row + 1:,}, which no float "
                    "beside it holds: give the model's inputs apart, as arrays."
                )
    return np.concatenate(parts, axis=1)


def _numbers(column: pd.Series) -> NDArray[Any]:
    """A column of numbers, (rows, 1): whole ones as they are, others float64."""
    import pandas as pd

    missing = column.isna().to_numpy()
    if missing.any():
        raise _refused((int(missing.argmax()), 0), (str(column.name),), "a missing value")
    types = pd.api.types
    is_plain = types.is_bool_dtype(column.dtype) or (
        types.is_numeric_dtype(column.dtype) and not types.is_complex_dtype(column.dtype)
    )
    is_numbers = column.dtype == object and all(map(_is_number, column))  # such as Decimal
    if not is_plain and not is_numbers:
        name, first = str(column.name), f", the first value is {column.iloc[0]!r}" if len(column) else ""
        is_written = pd.to_numeric(column.astype(object), errors="coerce").notna().all()
        mend = (
            f"convert it with pd.to_numeric(rows[{name!r}])" if is_written else "the model was trained with some there"
        )
        raise InputError(f"--rows has the type {column.dtype} in column {name!r}{first}: expected numbers, {mend}.")
    try:
        if pd.api.types.is_integer_dtype(column.dtype):
            return column.to_numpy(dtype=np.uint64 if "uint" in str(column.dtype).lower() else np.int64)[:, None]
        if is_numbers:
            return _as_numbers(column.to_numpy(), _WHOSE)[:, None]
        return column.to_numpy(dtype=np.float64)[:, None]
    except OverflowError:
        raise InputError(f"--rows has a number in column {str(column.name)!r} that no float holds.") from None


def _check_values(array: NDArray[Any], columns: tuple[str, ...], whose: str) -> None:
    """Raise InputError at the first value that is missing, infinite or more than float32 holds."""
    if array.dtype.kind != "f":
        return
    step = max(1, _AT_ONCE // max(1, array[0].size))
    for start in range(0, len(array), step):
        block = array[start : start + step]
        bad = ~(np.abs(block.astype(np.float64, copy=False)) <= _GREATEST)
        if bad.any():
            place = np.argwhere(bad)[0].tolist()
            value = float(block[tuple(place)])
            what = "NaN" if np.isnan(value) else f"{value:g}, more than float32 holds,"
            raise _refused((start + place[0], *place[1:]), columns, "infinity" if np.isinf(value) else what, whose)


def _refused(place: Sequence[int], columns: tuple[str, ...], what: str, whose: str = _WHOSE) -> InputError:
    """The error for a value at (row, place in the row)."""
    row, *inside = place
    column = f"column {columns[inside[0]]!r}" if len(inside) == 1 and columns else f"place {tuple(inside)}"
    column = f"column {inside[0]}" if len(inside) == 1 and not columns else column
    return InputError(
        f"{whose} has {what} in {column} of row {row + 1:,}, which no model can answer: clean the rows first, for a "
        "frame with replace([float('inf'), float('-inf')], float('nan')) and then dropna() or fillna()."
    )
