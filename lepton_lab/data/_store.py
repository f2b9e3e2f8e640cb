"""A data set on disk: `<split>/x.npy`, `<split>/y.npy` and `dataset.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from lepton_lab.data._base import Array, one_line
from lepton_lab.errors import DataError, InputError
from lepton_lab.files import read_json, replacing_folder, write_json
from lepton_lab.types import Dataset, Scaling, Target

_RECORD = "dataset.json"
_FORMAT = 1


def write(dataset: Dataset, splits: Mapping[str, tuple[Array, Array]]) -> Dataset:
    """Put the rows and the record into `dataset.folder`, in place of what stood there."""
    with replacing_folder(dataset.folder) as aside:
        for split, (x, y) in splits.items():
            (aside / split).mkdir()
            np.save(aside / split / "x.npy", np.ascontiguousarray(x), allow_pickle=False)
            np.save(aside / split / "y.npy", np.ascontiguousarray(y), allow_pickle=False)
        record = {key: value for key, value in asdict(dataset).items() if key not in ("folder", "images")}
        write_json(aside / _RECORD, {"format": _FORMAT, **record})
    return dataset


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
        target, scaling = record.pop("target"), record.pop("scaling")
        return Dataset(
            folder=Path(folder),
            name=record["name"],
            source=record["source"],
            splits={str(split): int(rows) for split, rows in sorted(record["splits"].items(), key=_train_first)},
            input_shape=tuple(record["input_shape"]),
            input_dtype=record["input_dtype"],
            target=Target(target["kind"], target["name"], tuple(target["classes"])),
            scaling=Scaling(tuple(scaling["mean"]), tuple(scaling["deviation"])),
            columns=tuple(record["columns"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path} is damaged ({type(error).__name__}: {one_line(error)}): load the data set again"
        ) from None


def open_split(dataset: Dataset, split: str) -> tuple[Array, Array]:
    """x of shape (rows, *input_shape) and y of shape (rows,), memory-mapped and read-only.

    Raises
    ------
    DataError
        If the data set has no such split, or its files are missing, damaged or not what the record says.
    """
    if split not in dataset.splits:
        raise DataError(f"Data set {dataset.name!r} has no split {split!r}, only {', '.join(dataset.splits)}")
    rows = dataset.splits[split]
    arrays = []
    for name, shape in (("x", (rows, *dataset.input_shape)), ("y", (rows,))):
        array = map_array(dataset.folder / split / f"{name}.npy", "load the data set again")
        if array.shape != shape:
            raise DataError(
                f"{split}/{name}.npy of data set {dataset.name!r} has shape {array.shape}, its record "
                "says "
                f"{shape}: load the data set again"
            )
        arrays.append(array)
    return arrays[0], arrays[1]


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
