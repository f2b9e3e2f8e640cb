"""Which files of a folder are Parquet's; without pyarrow, which takes its time to import."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

PARQUET_SUFFIXES = (".parquet", ".pq", ".parq")


def parquet_files(folder: Path) -> Iterator[Path]:
    """The Parquet files of a folder, and of the folders in it."""
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(("_", ".")):
            continue
        if entry.is_dir():
            if folder.resolve().is_relative_to(entry.resolve()):
                continue  # a link that leads back
            yield from parquet_files(entry)
        elif entry.suffix.lower() in PARQUET_SUFFIXES:
            yield entry
