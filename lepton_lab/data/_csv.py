"""CSV files: UTF-8, commas, names of the columns in the first line; packed (`.csv.gz`) or plain.

A first column without a name that just counts the rows from 0, as `frame.to_csv()` writes it, is no feature and is left
out: in a sorted table it would give the label away.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import pandas as pd

from lepton_lab.data._base import Columns, Raw, Ticker, file_head, one_line
from lepton_lab.data._frame import from_frame
from lepton_lab.display import size
from lepton_lab.errors import DataError
from lepton_lab.events import Report


def read(source: object, columns: Columns, report: Report) -> Raw:
    """The table; see `_frame` for what becomes of its columns."""
    path = Path(str(source)).expanduser()
    head = file_head(path)
    packed = path.suffix == ".gz"
    if not packed and b"\0" in head:
        raise DataError(
            f"{path} is no CSV file but binary (it starts with {head[:8]!r}): give its true format, such as parquet"
        )
    Ticker(report, f"data load {path.name}")(f"reading {size(path.stat().st_size)}")
    try:
        with warnings.catch_warnings():
            # left to itself, pandas takes the first value of rows that are too long for the row's name, without a word
            warnings.simplefilter("error", pd.errors.ParserWarning)
            # low_memory reads in pieces and may give one column two types
            frame = pd.read_csv(
                path, encoding="utf-8-sig", low_memory=False, index_col=False, compression="gzip" if packed else None
            )
    except pd.errors.ParserWarning:
        raise DataError(
            f"{path} has more values in its rows than names in its first line: name every column, leave "
            "no comma at the end of rows"
        ) from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is no UTF-8 text (byte {error.start:,} is {error.object[error.start]:#x}): save it as UTF-8 CSV"
        ) from None
    except pd.errors.EmptyDataError:
        raise DataError(f"{path} has no columns, expected a line with their names and then rows") from None
    except (pd.errors.ParserError, OSError, EOFError) as error:
        raise DataError(f"{path} can't be read as CSV: {one_line(error)}") from None
    if frame.columns[0] == "Unnamed: 0" and (frame.iloc[:, 0] == frame.index).all():
        frame = frame.iloc[:, 1:]
    return from_frame(frame, columns, str(path))
