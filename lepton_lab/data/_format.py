"""Which of the sources a value is, and what a data set made of it is called."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeGuard

from lepton_lab.data._idx import is_idx_folder
from lepton_lab.data._npy import is_npy_folder
from lepton_lab.data._parquet_files import PARQUET_SUFFIXES, is_parquet, parquet_files
from lepton_lab.data._tables import is_frame
from lepton_lab.errors import InputError, UnknownNameError

SOURCES = ("digits", "idx", "npz", "csv", "parquet", "npy", "arrays", "frame")
"""What can be read; each is a file of this package."""
_IN_MEMORY = ("arrays", "frame")
_PACKED = ("", ".gz", ".zip", ".bz2", ".xz")
_SUFFIXES = {
    ".npz": "npz",
    **{f".{kind}{packed}": "csv" for kind in ("csv", "tsv", "tab") for packed in _PACKED},
    **dict.fromkeys(PARQUET_SUFFIXES, "parquet"),
    ".npy": "npy",
}


def default_name(source: object) -> str:
    """A name for what this source becomes: `digits`, a file's or a folder's name without suffix, `frame`, `arrays`."""
    if _are_paths(source):
        source = Path(source[0]).expanduser().resolve().parent
    if isinstance(source, (str, Path)):
        stem = Path(source).expanduser().resolve().name if str(source) != "digits" else "digits"
        for suffix in sorted(_SUFFIXES, key=len, reverse=True):
            stem = stem[: -len(suffix)] if stem.lower().endswith(suffix) else stem
        return re.sub(r"[^A-Za-z0-9_-]+", "_", stem).strip("_") or "data"
    return "frame" if is_frame(source) else "arrays"


def format_of(source: object, format: str | None) -> str:
    """Which of `SOURCES` reads this."""
    if format is not None and format not in SOURCES:
        raise UnknownNameError("format", format, SOURCES)
    if isinstance(source, str) and not source:
        raise InputError("the source is empty, expected digits, a path to data or arrays")
    if isinstance(source, (str, Path)):
        if format in _IN_MEMORY:
            raise InputError(f"{str(source)!r} is a name or a path, but format {format!r} expects a value in memory")
        return _format_of_path(str(source), format)
    found = "frame" if is_frame(source) else "npy" if _are_paths(source) else "arrays"
    if _are_paths(source) and (other := next((path for path in source if not str(path).endswith(".npy")), None)):
        raise InputError(
            f"two or three files are x.npy, y.npy and weights, but {other} is none of these: load one file, or one "
            f"frame of several, pd.concat(map(pd.{_reader(str(other))}, paths), ignore_index=True)"
        )
    if isinstance(source, (tuple, list)) and source and all(map(_is_row, source)):
        raise InputError("got rows as dicts, expected a DataFrame of them: pd.DataFrame(rows)")
    if found == "arrays" and not isinstance(source, (tuple, list, Mapping)):
        library = type(source).__module__.partition(".")[0]
        whose = f" of {library}" if library != "builtins" else ""
        raise InputError(
            f"got {type(source).__name__}{whose}, expected 'digits', a path, arrays (x, y), a dict of arrays, or a "
            "DataFrame of pandas, Polars or Arrow (of Dask: source.compute())"
        )
    if format not in (None, found):
        raise InputError(
            f"format is {format!r}, but the source is {'a pair of files' if found == 'npy' else 'in memory'} and of "
            f"format {found!r}: leave the format out"
        )
    return found


def _is_row(value: object) -> bool:
    """Whether this is a row as a dict, and not a dict of arrays."""
    values = value.values() if isinstance(value, Mapping) else ()
    return bool(values) and not any(hasattr(each, "__len__") and not isinstance(each, str) for each in values)


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
    if not exists and path.is_symlink():
        raise InputError(f"{source} is a link to {path.readlink()}, which isn't there: name the file itself")
    if not exists:
        raise UnknownNameError("source", source, _near(path), "Expected digits or a path to data.")
    if format is not None:
        return format
    if path.is_dir():
        if is_idx_folder(path):
            return "idx"
        if is_npy_folder(path):
            return "npy"
        if next(parquet_files(path), None) is not None:
            return "parquet"
        raise InputError(
            f"{path} is a folder without train-images-idx3-ubyte (MNIST's files), x.npy and y.npy, or .parquet files: "
            "name a data file"
        )
    for suffix, found in _SUFFIXES.items():
        if path.name.lower().endswith(suffix):
            return found
    if is_parquet(path.name):
        return "parquet"
    raise InputError(
        f"{path} has no suffix that tells its format (.csv, .tsv, packed or not, .parquet, .npz, .npy): give the "
        f"format, one of {', '.join(name for name in SOURCES if name not in ('digits', *_IN_MEMORY))}"
    )


def _reader(path: str) -> str:
    """What pandas reads a file with."""
    return "read_parquet" if is_parquet(path) or path.lower().endswith(tuple(PARQUET_SUFFIXES)) else "read_csv"


def _near(path: Path) -> list[str]:
    """What may have been meant, written as the source was."""
    beside = sorted(path.parent.iterdir()) if path.parent.is_dir() else []
    return ["digits", *(str(entry) for entry in beside if entry.name.lower().endswith(tuple(_SUFFIXES)))]


def _are_paths(source: object) -> TypeGuard[Sequence[str | Path]]:
    """Whether these are the paths of x and y, and perhaps of weights."""
    if not isinstance(source, (tuple, list)) or len(source) not in (2, 3):
        return False
    return all(isinstance(path, (str, Path)) for path in source)
