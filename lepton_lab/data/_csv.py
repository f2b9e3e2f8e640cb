"""CSV files, plain or packed (`.csv.gz`, `.csv.zip`), with any separator: how they are written is found out, or told.

All values are read as text first, a block of rows at a time, and become numbers where nothing is lost by it (`_text`).

A first column without a name that just numbers the rows, as `frame.to_csv()` and R's `write.csv` write it, is no
feature and is left out: in a sorted table it would give the label away. One that may number a larger table's is told.
"""

from __future__ import annotations

import functools
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from lzma import LZMAError
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lepton_lab.data import _dialect, _text
from lepton_lab.data import _quotes as quotes
from lepton_lab.data._base import Columns, Raw, Ticker, file_head, one_line
from lepton_lab.data._frame import check_names, from_frames
from lepton_lab.display import size
from lepton_lab.errors import DataError, InputError
from lepton_lab.events import Report

_BLOCK_CELLS = 2**17
_TOO_LONG = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")


def read(source: object, columns: Columns, report: Report) -> Raw:
    """The table; see `_frame` for what becomes of its columns."""
    path = Path(str(source)).expanduser()
    file_head(path)
    dialect = columns.dialect
    tell = Ticker(report, f"data load {path.name}")
    tell(f"reading {size(path.stat().st_size)}")
    told = columns.label
    wanted = columns.label_names
    try:
        layout = _dialect.find(path, dialect, wanted)
        check_names(layout.names, str(path))
        quoting, said = quotes.quoting(path, layout)
        texts = _texts(path, layout, quoting, tell)
    except (OSError, EOFError, zlib.error, LZMAError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} can't be read as CSV: {one_line(error)}") from None
    labels = [told] if told in layout.names else [name for name in wanted if name in layout.names]
    _check_names_once(path, texts)
    frame, notes = _text.convert(texts, dialect.decimal, dialect.na_values, labels, columns.task, layout.sep == ";")
    notes = (*said, *notes)
    first, is_unnamed = frame.iloc[:, 0], frame.columns[0] == "Unnamed: 0"
    if is_unnamed and _numbers_rows(first):
        frame = frame.iloc[:, 1:]
        notes = (*notes, "the first column, which has no name and numbers the rows, is left out")
    elif is_unnamed and first.dtype.kind == "i" and first.is_unique and first.name not in columns.drop_names:
        notes = (
            *notes,
            "the first column has no name and another whole number in each row, and is a feature: if these are rows of "
            "a larger table, leave it out (drop 'Unnamed: 0')",
        )
    found = (f"found: {', '.join(layout.notes)}",) if layout.notes else ()
    try:
        return from_frames({"train": frame}, columns, str(path), (*found, *notes))
    except InputError as error:  # a name that isn't there may come of a wrong guess
        raise InputError(f"{error} ({found[0]})" if found else str(error)) from None


def _numbers_rows(column: pd.Series) -> bool:
    """Whether a column holds the rows' numbers, from 0 or from 1, in whatever order."""
    if column.dtype.kind != "i" or column.min() not in (0, 1) or not column.is_unique:
        return False
    return int(column.max() - column.min()) == len(column) - 1


def _check_names_once(path: Path, texts: Mapping[str, pa.ChunkedArray]) -> None:
    """Raise DataError where a row is the line of names again, as where files were put one behind the other."""
    if len(texts) < 2:
        return
    again = functools.reduce(
        pc.and_, (pc.equal(pc.utf8_trim(text, " \ufeff"), name.strip()) for name, text in texts.items())
    )
    if pc.any(again).as_py():
        rows = np.flatnonzero(again.to_numpy())
        raise DataError(
            f"{path} has its line of names again, {len(rows)} time{'s' if len(rows) > 1 else ''} among its rows (first "
            f"as row {rows[0] + 1:,}), as where several files were put one behind the other: take these lines out"
        )


def _texts(path: Path, layout: _dialect.Layout, quoting: Mapping[str, Any], tell: Ticker) -> dict[str, pa.ChunkedArray]:
    """All values as text, by column."""
    blocks: list[list[pa.Array]] = [[] for _ in layout.names]
    with (
        io.TextIOWrapper(_dialect.open_bytes(path), layout.encoding, newline="") as stream,
        warnings.catch_warnings(),
    ):
        for _ in range(layout.num_skipped):
            stream.readline()
        try:
            # pandas only warns of rows that are too long, and leaves their last values out
            warnings.simplefilter("error", pd.errors.ParserWarning)
            reader = pd.read_csv(
                stream,
                sep=layout.sep,
                header=None,
                names=range(len(layout.names)),
                index_col=False,
                dtype=pd.ArrowDtype(pa.string()),
                na_filter=False,
                skipinitialspace=layout.is_spaced,
                **quoting,
                chunksize=max(1, _BLOCK_CELLS // len(layout.names)),
            )
            for block in reader:
                for column, chunks in zip(block.columns, blocks, strict=True):
                    chunks.append(pa.array(block[column]))
                tell(f"{len(blocks[0]) and sum(map(len, blocks[0])):,} rows")
        except UnicodeError as error:
            raise _dialect.not_decoded(path, layout.encoding, error) from None
        except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
            raise _not_parsed(path, layout, error) from None
    return {name: pa.chunked_array(chunks, pa.string()) for name, chunks in zip(layout.names, blocks, strict=True)}


def _not_parsed(path: Path, layout: _dialect.Layout, error: Exception) -> DataError:
    """The error for lines that don't fit the names, with the file's own count of lines."""
    if isinstance(error, Warning):
        return DataError(
            f"{path} has more values in its rows than names in its first line ({len(layout.names)}): name every "
            "column, leave no comma at the end of rows, and take out lines above the names"
        )
    found = _TOO_LONG.search(str(error))
    if found is None:
        return DataError(f"{path} can't be read as CSV: {one_line(error)}")
    line = int(found[2]) + layout.num_skipped
    return DataError(
        f"{path} can't be read as CSV: line {line} has {found[3]} values, expected {found[1]} with {layout.sep!r} "
        f"between "
        "them; name another separator (sep) if that is wrong"
    )
