"""Any source becomes a data set on disk."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from lepton_lab.data import _features, _split, _store, _target
from lepton_lab.data._base import Raw, Ticker
from lepton_lab.data._idx import is_idx_folder
from lepton_lab.errors import DataError, InputError, UnknownNameError
from lepton_lab.events import Report, ignore
from lepton_lab.types import Dataset

SOURCES = ("digits", "idx", "npz", "csv", "parquet", "arrays", "frame")
"""What can be read; each is a file of this package."""
_IN_MEMORY = ("arrays", "frame")
_SUFFIXES = {".npz": "npz", ".csv": "csv", ".csv.gz": "csv", ".parquet": "parquet", ".pq": "parquet"}


def load(
    source: object,
    name: str,
    folder: Path,
    *,
    label: str | None = None,
    format: str | None = None,
    test_share: float = 0.2,
    seed: int = 0,
    report: Report = ignore,
) -> Dataset:
    """Read a source, check it, split it and write it as a data set.

    Nothing is written before everything was read and checked; what stood in `folder` stays until the new data set is
    whole.

    Parameters
    ----------
    source
        `"digits"`; a path to a folder of IDX files, an `.npz`, `.csv` or `.parquet` file; arrays `(x, y)` or a dict
        with Keras's names (`x_train`, ...); or a pandas frame.
    name
        What the data set is to be called.
    folder
        The data set's own folder, which is replaced.
    label
        The column to learn, for tables; without it, a column `label` or `target`.
    format
        One of `SOURCES`, where it can't be told from the source.
    test_share
        Part of the rows to hold out, with the classes' shares kept, where the source has no test split; 0 for none.
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
    format = _format(source, format)
    tell = Ticker(report, f"data load {name}")
    raw: Raw = importlib.import_module(f"lepton_lab.data._{format}").read(source, label, report)
    for split, (x, y) in raw.splits.items():
        if len(x) != len(y):
            raise DataError(f"x of {split} has {len(x):,} rows and y has {len(y):,}, expected as many")
        if not len(x):
            raise DataError(f"{split} of {raw.origin} has no rows, expected at least one")
    tell("checking")
    target, labels = _target.encode({split: y for split, (_, y) in raw.splits.items()}, raw.label)
    rows = _features.check({split: x for split, (x, _) in raw.splits.items()}, raw.columns)
    if "test" not in raw.splits:
        train, test = _split.hold_out(labels["train"], test_share, seed, target.kind == "classes")
        if len(test):
            rows = {"train": rows["train"][train], "test": rows["train"][test]}
            labels = {"train": labels["train"][train], "test": labels["train"][test]}
    rows = _features.store(rows, raw.columns)
    x = rows["train"]
    dataset = Dataset(
        name=name,
        folder=Path(folder),
        source=raw.origin,
        splits={split: len(y) for split, y in labels.items()},
        input_shape=x.shape[1:],
        input_dtype=x.dtype.name,
        target=target,
        scaling=raw.scaling or _features.scaling(x),
        columns=raw.columns or (tuple(f"x{column}" for column in range(x.shape[1])) if x.ndim == 2 else ()),
    )
    tell("writing", 0.9)
    _store.write(dataset, {split: (rows[split], labels[split]) for split in rows})
    tell(f"{sum(dataset.splits.values()):,} rows", 1.0)
    return dataset


def default_name(source: object) -> str:
    """A name for what this source becomes: `digits`, a file's or a folder's name without suffix, `frame`, "
    "`arrays`."""
    if isinstance(source, (str, Path)):
        stem = Path(source).expanduser().resolve().name if str(source) != "digits" else "digits"
        for suffix in sorted(_SUFFIXES, key=len, reverse=True):
            stem = stem.removesuffix(suffix)
        return re.sub(r"[^A-Za-z0-9_-]+", "_", stem).strip("_") or "data"
    return "frame" if _is_frame(source) else "arrays"


def _format(source: object, format: str | None) -> str:
    """Which of `SOURCES` reads this."""
    if format is not None and format not in SOURCES:
        raise UnknownNameError("format", format, SOURCES)
    if isinstance(source, (str, Path)):
        if format in _IN_MEMORY:
            raise InputError(f"{str(source)!r} is a name or a path, but format {format!r} expects a value in memory")
        return _format_of_path(str(source), format)
    found = "frame" if _is_frame(source) else "arrays"
    if found == "arrays" and not isinstance(source, (tuple, list, Mapping)):
        raise InputError(
            f"got {type(source).__name__}, expected 'digits', a path, arrays (x, y), a dict of "
            "arrays or a pandas DataFrame"
        )
    if format not in (None, found):
        raise InputError(
            f"format is {format!r}, but the source is in memory and of format {found!r}: leave the format out"
        )
    return found


def _format_of_path(source: str, format: str | None) -> str:
    if source == "digits" and format in (None, "digits"):
        return "digits"
    if format == "digits":
        raise InputError(f"format 'digits' reads scikit-learn's digits, not {source!r}: give the source as digits")
    path = Path(source).expanduser()
    try:
        exists = path.exists()
    except (OSError, ValueError) as error:  # too long, or with a zero byte
        raise InputError(
            f"{source[:40]!r} is no path ({type(error).__name__}), expected digits or a path to data"
        ) from None
    if not exists:
        raise UnknownNameError("source", source, _near(path), "Expected digits or a path to data.")
    if format is not None:
        return format
    if path.is_dir():
        if is_idx_folder(path):
            return "idx"
        if any(path.glob("*.parquet")):
            return "parquet"
        raise InputError(
            f"{path} is a folder without train-images-idx3-ubyte (MNIST's files) or .parquet files: name a data file"
        )
    for suffix, found in _SUFFIXES.items():
        if path.name.lower().endswith(suffix):
            return found
    raise InputError(
        f"{path} has no suffix that tells its format ({', '.join(_SUFFIXES)}): give the format, one of "
        f"{', '.join(name for name in SOURCES if name not in ('digits', *_IN_MEMORY))}"
    )


def _near(path: Path) -> list[str]:
    """What may have been meant, written as the source was."""
    beside = sorted(path.parent.iterdir()) if path.parent.is_dir() else []
    return ["digits", *(str(entry) for entry in beside if entry.name.lower().endswith(tuple(_SUFFIXES)))]


def _is_frame(source: object) -> bool:
    pandas = sys.modules.get("pandas")  # who has a frame has pandas loaded
    return pandas is not None and isinstance(source, pandas.DataFrame)
