"""Any source becomes a data set on disk."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from lepton_lab.data import _features, _inputs, _split, _store, _target, _weights
from lepton_lab.data._base import (
    FOUND_OUT,
    Array,
    Arrays,
    Columns,
    Dialect,
    Raw,
    Ticker,
    as_array,
    check_same_index,
    column_names,
)
from lepton_lab.data._blocks import Part, Record, Sliced
from lepton_lab.data._format import format_of
from lepton_lab.data._npy import map_npy
from lepton_lab.data._tables import as_pandas
from lepton_lab.errors import DataError, InputError
from lepton_lab.events import Report, ignore
from lepton_lab.types import Dataset, Held, Scaling, Target


def load(
    source: object,
    name: str,
    folder: Path,
    *,
    label: str | int | Sequence[str | int] | None = None,
    weight: str | int | None = None,
    weights: object = None,
    drop: str | int | Sequence[str | int] | None = None,
    dialect: Dialect = FOUND_OUT,
    format: str | None = None,
    task: str | None = None,
    test_share: float = 0.2,
    seed: int = 0,
    report: Report = ignore,
) -> Dataset:
    """Read a source, check it, split it and write it as a data set.

    Nothing is written before everything was read and checked; what stood in `folder` stays until the new data set is
    whole. Rows are checked and written a block at a time, so that `.npy` files and mapped arrays may be of any size.

    Parameters
    ----------
    source
        `"digits"`; a path to a folder of IDX files, an `.npz`, `.csv` or `.parquet` file, or a folder with `x.npy` and
        `y.npy` (or both paths, as a pair); arrays `(x, y)` or a dict with Keras's names (`x_train`, ...); or a pandas
        frame. Each x and y in memory may be a dict of arrays by name: several inputs, several targets.
    name
        What the data set is to be called.
    folder
        The data set's own folder, which is replaced.
    label
        The column to learn, for tables; several with commas between, or in a list; without it, a column `label` or
        `target`.
    weight
        The column that says how much each row counts in training, for tables.
    weights
        The same for arrays: one number a training row, from 0, or one for each position that has a target; or the path
        of a `.npy` file; `(x, y, weights)` says it too. Rows that are held out have none.
    drop
        The columns to leave out, for tables; several with commas between, or in a list.
    dialect
        How a CSV file is written, where that isn't to be found out.
    format
        One of `SOURCES`, where it can't be told from the source.
    task
        One of `TASKS`: what the labels are for, where what would be guessed of them is not meant.
    test_share
        Part of the rows to hold out where the source has no test split, with the classes' shares kept (of the first
        target that is classes, where there are several); 0 for none.
    seed
        Decides which rows are held out.

    Raises
    ------
    InputError
        If the source can't be found or used as it is.
    DataError
        If its rows are damaged or have gaps.
    """
    _split.check_share(test_share)
    source = as_pandas(source)
    if isinstance(source, (str, Path)) and "$" in str(source) and not Path(source).exists():
        source = os.path.expandvars(source)  # as `$HOME/x.csv` in a line
    format = format_of(source, format)
    tell = Ticker(report, f"data load {name}")
    reader = importlib.import_module(f"lepton_lab.data._{format}")
    label, weight, drop = (column_names(*one) for one in ((label, "label"), (weight, "weight"), (drop, "drop")))
    columns = Columns(label, weight, drop, dialect, task)
    raw: Raw = _with_weights(reader.read(source, columns, report), weights, source)
    num_rows = _num_rows(raw)
    tell("checking")
    x, inputs = _checked_inputs(raw)
    targets, labels = _targets(raw, [*x.values()], task)
    picked = _picked(raw, targets, labels, test_share, seed)
    splits: dict[str, dict[str, Sliced]] = {}
    for split, rows in picked.items():
        of = split if split in raw.splits else "train"
        parts = {key: Part(x[key][of], np.dtype(dtype), rows) for key, (_, dtype) in inputs.items()}
        y = {key: Part(array, array.dtype, rows) for key, array in labels[of].items()}
        splits[split] = {"x": _side_by_side(parts), "y": _side_by_side(y)}
    if raw.weights is not None:
        positions = () if len(targets) > 1 else next(iter(targets.values())).positions
        weights_of_all = _weights.check(raw.weights, num_rows["train"], positions)
        weighing = Part(weights_of_all, np.dtype(np.float32), picked["train"])
        _weights.check_some(weighing[:])
        splits["train"]["w"] = weighing
    hidden = [f"not the notebook's variable {source}"] if isinstance(source, Held) else []
    several = len(inputs) > 1
    shape, dtype = ((), "record") if several else next(iter(inputs.values()))
    dataset = Dataset(
        name=name,
        folder=Path(folder),
        source=raw.origin,
        splits={split: arrays["y"].shape[0] for split, arrays in splits.items()},
        input_shape=shape,
        input_dtype=dtype,
        target=next(iter(targets.values())),
        scaling=raw.scaling or (Scaling() if several else _features.scaling(splits["train"]["x"])),
        columns=raw.columns or _columns(shape, dtype),
        inputs=inputs if several else {},
        targets=targets if len(targets) > 1 else {},
        weighted=raw.weights is not None,
        notes=(*raw.notes, *hidden),
    )
    _store.write(dataset, splits, tell)
    tell(f"{sum(dataset.splits.values()):,} rows", 1.0)
    return dataset


def _picked(
    raw: Raw, targets: Mapping[str, Target], labels: Mapping[str, Mapping[str, Array]], test_share: float, seed: int
) -> dict[str, Array | None]:
    """The numbers of each split's rows, held out of `train` where the source has no `test`; None for all."""
    if "test" in raw.splits:
        return dict.fromkeys(raw.splits)
    classes = next((key for key, of in targets.items() if of.kind == "classes" and not of.positions), None)
    y = labels["train"][classes or next(iter(targets))]
    train, test = _split.hold_out(y, test_share, seed, classes is not None)
    return {"train": train, "test": test} if len(test) else {"train": None}


def _side_by_side(parts: Mapping[str, Part]) -> Sliced:
    """Several parts as records; one as it is."""
    return Record(parts) if len(parts) > 1 else next(iter(parts.values()))


def _with_weights(raw: Raw, weights: object, source: object) -> Raw:
    """The same with weights that were given beside the source."""
    if weights is None:
        return raw
    if raw.weights is not None:
        raise InputError(f"{raw.origin} brings weights along and others were given: leave one of them out")
    check_same_index(source[0] if isinstance(source, tuple) and source else source, weights, "the rows", "weights")
    mapped = map_npy(Path(weights).expanduser()) if isinstance(weights, (str, Path)) else as_array(weights, "weights")
    return replace(raw, weights=mapped)


def _num_rows(raw: Raw) -> dict[str, int]:
    """Rows by split.

    Raises
    ------
    DataError
        If a split has none, or its arrays differ in their number.
    """
    for split, (x, y) in raw.splits.items():
        named = {**_named(x, "x"), **_named(y, "y")}
        rows = {what: len(array) for what, array in named.items()}
        first, *others = rows
        for other in others:
            if rows[other] != rows[first]:
                raise DataError(
                    f"{first} of {split} has {rows[first]:,} rows and {other} has {rows[other]:,}, expected as many"
                )
        if not rows[first]:
            raise DataError(f"{split} of {raw.origin} has no rows, expected at least one")
    return {split: len(next(iter(_named(y, "y").values()))) for split, (_, y) in raw.splits.items()}


def _columns(shape: tuple[int, ...], dtype: str) -> tuple[str, ...]:
    """Names for the columns of arrays of numbers."""
    return tuple(f"x{column}" for column in range(shape[0])) if len(shape) == 1 and "U" not in dtype else ()


def _targets(
    raw: Raw, rows: Sequence[Mapping[str, Array]], task: str | None
) -> tuple[dict[str, Target], dict[str, dict[str, Array]]]:
    """Targets by name, and the encoded labels by split and then by the target's name."""
    targets: dict[str, Target] = {}
    labels: dict[str, dict[str, Array]] = {split: {} for split in raw.splits}
    for name, parts in _by_name({split: y for split, (_, y) in raw.splits.items()}, raw.label, "y").items():
        targets[name], encoded = _target.encode(parts, name, raw.label_columns, task=task, rows=rows, order=raw.classes)
        for split, array in encoded.items():
            labels[split][name] = array
    return targets, labels


def _checked_inputs(raw: Raw) -> tuple[dict[str, dict[str, Array]], dict[str, tuple[tuple[int, ...], str]]]:
    """Checked rows by the input's name and then by split; and the shape and dtype of each input as it is stored."""
    rows, inputs = {}, {}
    several = _by_name({split: x for split, (x, _) in raw.splits.items()}, "", "x")
    for name, parts in several.items():
        what = f"x[{name!r}]" if len(several) > 1 else "x"
        rows[name] = _features.check(parts, raw.columns, what)
        dtype = _inputs.stored_dtype(rows[name], what)
        inputs[name] = rows[name]["train"].shape[1:], dtype.str if dtype.kind == "U" else dtype.name
    return rows, inputs


def _named(arrays: Arrays, what: str) -> dict[str, Array]:
    """Arrays by what they are called in messages."""
    return (
        {f"{what}[{key!r}]": array for key, array in arrays.items()} if isinstance(arrays, Mapping) else {what: arrays}
    )


def _by_name(splits: Mapping[str, Arrays], name: str, what: str) -> dict[str, dict[str, Array]]:
    """Arrays by name and then by split; a single one is called `name`.

    Raises
    ------
    InputError
        If the splits have different names.
    """
    named = {split: dict(arrays) if isinstance(arrays, Mapping) else {name: arrays} for split, arrays in splits.items()}
    if any(set(arrays) != set(named["train"]) for arrays in named.values()):
        lists = {
            split: ", ".join(map(repr, arrays)) if isinstance(arrays, Mapping) else "(one array)"
            for split, arrays in splits.items()
        }
        raise InputError(
            f"{what} has the names {lists['train']} in train but {lists['test']} in test, expected the same"
        )
    return {key: {split: arrays[key] for split, arrays in named.items()} for key in named["train"]}
