"""A data set on disk: `<split>/x.npy`, `<split>/y.npy`, `train/w.npy` where rows are weighted, and `dataset.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from lepton_lab.data._base import Array, Ticker, one_line
from lepton_lab.data._blocks import Sliced, write_npy
from lepton_lab.errors import DataError, InputError
from lepton_lab.files import read_json, replacing_folder, write_json
from lepton_lab.types import Dataset, Scaling, Target, record_dtype

_RECORD = "dataset.json"
_FORMAT = 1


def write(dataset: Dataset, splits: Mapping[str, Mapping[str, Sliced]], tell: Ticker) -> Dataset:
    """Put the rows and the record into `dataset.folder`, in place of what stood there.

    Parameters
    ----------
    splits
        By split and then by the file's name, `x`, `y` or `w`, its rows.
    """
    total = sum(rows.shape[0] for arrays in splits.values() for rows in arrays.values())
    done = 0

    def wrote(count: int) -> None:
        nonlocal done
        done += count
        tell("writing", 0.5 + 0.4 * done / total)

    with replacing_folder(dataset.folder) as aside:
        for split, arrays in splits.items():
            (aside / split).mkdir()
            for name, rows in arrays.items():
                write_npy(aside / split / f"{name}.npy", rows, wrote)
        write_json(aside / _RECORD, {"format": _FORMAT, **_to_record(dataset)})
    return dataset


def _to_record(dataset: Dataset) -> dict[str, Any]:
    """What is kept of a data set: lists instead of what has an order, which JSON objects don't keep."""
    record = {key: value for key, value in asdict(dataset).items() if key not in ("folder", "images", "arrangement")}
    record["inputs"] = [[name, list(shape), dtype] for name, (shape, dtype) in dataset.inputs.items()]
    record["targets"] = [[name, asdict(target)] for name, target in dataset.targets.items()]
    return record


def read(folder: Path) -> Dataset:
    """The data set that `load` wrote into this folder.

    Raises
    ------
    InputError
        If there is none.
    DataError
        If its record is damaged.
    """
    path = Path(folder) / _RECORD
    if not path.is_file():
        raise InputError(f"{folder} holds no data set (there is no {_RECORD}): load it again")
    try:
        record = read_json(path)
        if record.pop("format") != _FORMAT:
            raise DataError(f"{path} was written by another version of Lepton Lab: load the data set again")
        scaling = record["scaling"]
        return Dataset(
            folder=Path(folder),
            name=record["name"],
            source=record["source"],
            splits={str(split): int(rows) for split, rows in sorted(record["splits"].items(), key=_train_first)},
            input_shape=tuple(record["input_shape"]),
            input_dtype=record["input_dtype"],
            target=_target(record["target"]),
            scaling=Scaling(tuple(scaling["mean"]), tuple(scaling["deviation"])),
            columns=tuple(record["columns"]),
            # data sets of the first version have none of these
            inputs={name: (tuple(shape), dtype) for name, shape, dtype in record.get("inputs", ())},
            targets={name: _target(target) for name, target in record.get("targets", ())},
            weighted=record.get("weighted", False),
            cut_from=record.get("cut_from", ""),
            notes=tuple(record.get("notes", ())),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path} is damaged ({type(error).__name__}: {one_line(error)}): load the data set again"
        ) from None


def _target(record: Mapping[str, Any]) -> Target:
    return Target(
        record["kind"],
        record["name"],
        tuple(record["classes"]),
        record.get("width", 1),
        tuple(record.get("positions", ())),
        record.get("note", ""),
        record.get("one_hot", False),
    )


def open_split(dataset: Dataset, split: str) -> tuple[Array, Array]:
    """x of shape (rows, *input_shape) and y of shape (rows, *target.shape), memory-mapped and read-only.

    Several inputs or targets are records of shape (rows,); see `lepton_lab.types.fields`.

    Raises
    ------
    DataError
        If the data set has no such split, or its files are missing, damaged or not what the record says.
    """
    if split not in dataset.splits:
        raise DataError(f"Data set {dataset.name!r} has no split {split!r}, only {', '.join(dataset.splits)}")
    targets = {name: (target.shape, target.dtype) for name, target in dataset.targets.items()}
    columns, shapes = dataset.arrangement.columns, {name: own for name, (own, _) in dataset.arrangement.shapes.items()}
    shape = (sum(place >= 0 for place in columns),) if columns else shapes.get("", dataset.input_shape)  # as stored
    inputs = {name: (shapes.get(name, shape), dtype) for name, (shape, dtype) in dataset.inputs.items()}
    x = _open(dataset, split, "x", shape, inputs)
    return x, _open(dataset, split, "y", () if targets else dataset.target.shape, targets)


def open_weights(dataset: Dataset) -> Array | None:
    """The training rows' weights, memory-mapped and read-only; None where all count alike.

    Float32 (rows,), or (rows, *positions) where each position has one.
    """
    if not dataset.weighted:
        return None
    weights = map_array(dataset.folder / "train" / "w.npy", "load the data set again")
    return _open(dataset, "train", "w", dataset.target.positions if weights.ndim > 1 else (), {})


def _open(
    dataset: Dataset,
    split: str,
    name: str,
    shape: tuple[int, ...],
    parts: Mapping[str, tuple[tuple[int, ...], str]],
) -> Array:
    """One of a split's files, held against the record: rows of `shape`, or records of `parts`."""
    array = map_array(dataset.folder / split / f"{name}.npy", "load the data set again")
    shape = (dataset.splits[split], *shape)
    if array.shape != shape:
        raise DataError(
            f"{split}/{name}.npy of data set {dataset.name!r} has shape {array.shape}, its record "
            "says "
            f"{shape}: load the data set again"
        )
    if array.dtype != record_dtype(parts) if parts else array.dtype.names is not None:
        raise DataError(
            f"{split}/{name}.npy of data set {dataset.name!r} has other fields than its record says: load the data set "
            "again"
        )
    return array


def map_array(path: Path, mend: str) -> Array:
    """The array in a `.npy` file, memory-mapped and read-only; DataError with the words `mend` if it can't be."""
    try:
        # a plain view: indexing NumPy's memmap class costs several times as much for small batches
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False)).view(np.ndarray)
    except FileNotFoundError:
        raise DataError(f"{path} is missing: {mend}") from None
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{path} is damaged ({one_line(error)}): {mend}") from None


def _train_first(item: tuple[str, int]) -> bool:
    return item[0] != "train"
