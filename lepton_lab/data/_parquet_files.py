"""Which files of a folder are Parquet's; without pyarrow, which takes its time to import."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lepton_lab.data._held_out import split_of

PARQUET_SUFFIXES = (".parquet", ".pq", ".parq")


def parquet_files(folder: Path) -> Iterator[Path]:
    """The Parquet files of a folder: in it, in `key=value` folders, and in folders named as splits are."""
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(("_", ".")):
            continue
        if entry.is_dir():
            if "=" in entry.name or split_of(entry.name) is not None:
                yield from parquet_files(entry)
        elif entry.suffix.lower() in PARQUET_SUFFIXES:
            yield entry
