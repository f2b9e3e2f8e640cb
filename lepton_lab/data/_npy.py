"""`.npy` files: a folder with `x.npy` and `y.npy`, or their two paths. They are mapped, so they may be of any size.

A folder may have `w.npy` (weights), and Keras's names: `x_train.npy`, `y_train.npy`, `x_test.npy`, `y_test.npy`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from lepton_lab.data._arrays import NAMES, from_mapping
from lepton_lab.data._base import Array, Columns, Raw, file_head, one_line
from lepton_lab.errors import DataError, InputError
from lepton_lab.events import Report


def read(source: object, columns: Columns, report: Report) -> Raw:
    """The files' arrays, memory-mapped."""
    if isinstance(source, (tuple, list)):
        paths = dict(zip(("x", "y", "w"), (Path(str(path)).expanduser() for path in source), strict=False))
        origin = ", ".join(str(path) for path in paths.values())
        columns.refuse(origin)
        return from_mapping({name: map_npy(path) for name, path in paths.items()}, origin)
    folder = Path(str(source)).expanduser()
    columns.refuse(str(folder))
    if not folder.is_dir():
        raise InputError(
            f"{folder} is one file, expected rows and labels: a folder with x.npy and y.npy, or both paths, (x, y)"
        )
    paths = {name: folder / f"{name}.npy" for name in NAMES}
    raw = from_mapping({name: map_npy(path) for name, path in paths.items() if path.is_file()}, str(folder))
    others = sorted(path.name for path in folder.glob("*.npy") if path.stem not in NAMES)
    return replace(raw, notes=(*raw.notes, f"not used: {', '.join(others)}")) if others else raw


def is_npy_folder(folder: Path) -> bool:
    """Whether there is a file in it that is named as rows to train on are."""
    return (folder / "x.npy").is_file() or (folder / "x_train.npy").is_file()


def map_npy(path: Path) -> Array:
    """One file's array. Pickled objects are refused: to read one is to run what it says.

    Raises
    ------
    InputError
        If there is no such file, or it is empty.
    DataError
        If it is no `.npy` file, ends too early, or holds objects.
    """
    head = file_head(path)
    if not head.startswith(b"\x93NUMPY"):
        raise DataError(f"{path} is no .npy file (it starts with {head[:6]!r}): write it with np.save")
    try:
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False)).view(np.ndarray)
    except (ValueError, OSError, EOFError) as error:
        if "Python objects" in str(error):
            raise DataError(
                f"{path} holds an array of dtype object, expected numbers or text: convert it and save again"
            ) from None
        raise DataError(f"{path} is damaged ({one_line(error)}): write it again") from None
