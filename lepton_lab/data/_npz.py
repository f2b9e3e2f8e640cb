"""NumPy's `.npz` archives with Keras's names: `x_train`, `y_train`, `x_test`, `y_test`, or just `x` and `y`."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from lepton_lab.data._arrays import from_mapping
from lepton_lab.data._base import Columns, Raw, Ticker, file_head, one_line
from lepton_lab.errors import DataError, InputError
from lepton_lab.events import Report


def read(source: object, columns: Columns, report: Report) -> Raw:
    """The archive's arrays. Pickled objects are refused: to read one is to run what it says."""
    path = Path(str(source)).expanduser()
    columns.refuse(str(path))
    if file_head(path).startswith(b"\x93NUMPY"):
        raise DataError(f"{path} is a single .npy array, expected an .npz archive: np.savez(path, x=..., y=...)")
    Ticker(report, f"data load {path.name}")("reading")
    if not zipfile.is_zipfile(path):
        raise DataError(f"{path} is damaged or no .npz archive (it has no zip directory at its end): write it again")
    try:
        with np.load(path, allow_pickle=False) as archive:
            return from_mapping(archive, str(path))
    except InputError:
        raise
    except ValueError as error:
        if "pickle" in str(error):
            raise DataError(
                f"{path} holds an array of dtype object, expected numbers or text: convert it and save again"
            ) from None
        raise DataError(f"{path} is damaged ({one_line(error)}): write it again") from None
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError) as error:
        raise DataError(f"{path} is damaged ({one_line(error)}): write it again") from None
