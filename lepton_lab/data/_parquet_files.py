"""Which files of a folder are Parquet's; without pyarrow, which takes its time to import."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

PARQUET_SUFFIXES = (".parquet", ".pq", ".parq")


def is_parquet(name: str) -> bool:
    """Whether a file is called as Parquet's are: also `rows.parquet.gzip`, which names how its columns are packed."""
    return any(suffix in PARQUET_SUFFIXES for suffix in Path(name.lower()).suffixes[-2:])


def parquet_files(folder: Path) -> Iterator[Path]:
    """The Parquet files of a folder, and of the folders in it."""
    return (file for file in files_in(folder) if is_parquet(file.name))


def files_in(folder: Path) -> Iterator[Path]:
    """The files of a folder, and of the folders in it, but for those that hold no rows by their names."""
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(("_", ".")):
            continue
        if entry.is_dir():
            if folder.resolve().is_relative_to(entry.resolve()):
                continue  # a link that leads back
            yield from files_in(entry)
        else:
            yield entry
