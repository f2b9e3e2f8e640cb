"""Parquet files, or folders of them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa

from lepton_lab.data._base import Columns, Raw, Ticker, file_head, one_line
from lepton_lab.data._frame import from_frame
from lepton_lab.errors import DataError
from lepton_lab.events import Report


def read(source: object, columns: Columns, report: Report) -> Raw:
    """The table; see `_frame` for what becomes of its columns."""
    path = Path(str(source)).expanduser()
    if not path.is_dir():
        file_head(path)
    Ticker(report, f"data load {path.name}")("reading")
    try:
        frame = pd.read_parquet(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{path} is damaged or no Parquet file: {one_line(error)}") from None
    return from_frame(frame, columns, str(path))
