"""Parquet files, or folders of them: parts of one table, `key=value` folders as columns, `train` and `test` as splits.

A column must be in all files of a folder, under the same name and with types that fit; the order may differ. Files and
folders whose names begin with `_` or `.` hold no rows (`_SUCCESS`, `.crc`).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lepton_lab.data._base import Columns, Raw, Ticker, file_head, one_line
from lepton_lab.data._frame import check_names, from_frames
from lepton_lab.data._held_out import named_splits, split_of
from lepton_lab.data._parquet_files import files_in, is_parquet, parquet_files
from lepton_lab.data._text import convert
from lepton_lab.errors import DataError, InputError
from lepton_lab.events import Report

_INDEX = "the frame's index{} is left out: frame.reset_index() makes a column of it"
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


def read(source: object, columns: Columns, report: Report) -> Raw:
    """The table; see `_frame` for what becomes of its columns."""
    path = Path(str(source)).expanduser()
    columns.dialect.refuse(str(path))
    tell = Ticker(report, f"data load {path.name}")
    if not path.is_dir():
        file_head(path)
        files = [path]
    else:
        files = sorted(parquet_files(path))
        if not files:
            raise InputError(f"{path} is a folder without .parquet files: name a data file")
    by_split = _by_split(path, files)
    tables: dict[str, pa.Table] = {}
    notes = _left_out(path) if path.is_dir() else ()
    first: tuple[Path, pa.Schema] | None = None
    dropped: set[str] = set()
    for split, parts in by_split.items():
        read_parts = []
        for file in parts:
            tell(f"reading {file.name}")
            table, index = _read(path, file, columns)
            named = [name for name in index if not name.startswith("__index_level_")]
            notes += (_INDEX.format(f" ({', '.join(named)})" if named else ""),) if index else ()
            if columns.label in named:
                raise InputError(
                    f"{columns.label!r} is the index of {file} and no column: frame.reset_index() makes it one"
                )
            unwanted = [name for name in columns.drop_names if name in table.column_names]
            unwanted = unwanted[:1] if columns.drop in unwanted else unwanted  # a name may have a comma
            dropped |= set(unwanted)
            table = table.drop_columns(unwanted)
            first = first or (file, table.schema)
            _check_columns(file, table.schema, *first)
            read_parts.append((file, table))
        tables[split] = _together(read_parts)
    tables, said = named_splits(tables)
    frames = {split: table.to_pandas(ignore_metadata=True) for split, table in tables.items()}
    if path.is_dir():
        keys = [key for key in _keys(path, files[0]) if key in next(iter(frames.values()))]
        frames = {split: _typed(frame, keys, columns) for split, frame in frames.items()}
    if columns.drop in dropped:
        kept = None
    else:
        kept = ",".join(name for name in columns.drop_names[1:] if name not in dropped) if dropped else columns.drop
    return from_frames(frames, replace(columns, drop=kept or None), str(path), tuple(dict.fromkeys((*notes, *said))))


def _left_out(path: Path) -> tuple[str, ...]:
    """What to say of files that are no Parquet's."""
    others = [str(file.relative_to(path)) for file in files_in(path) if not is_parquet(file.name)]
    if not others:
        return ()
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    return (f"no Parquet files, and left out: {', '.join(others[:3])}{more}",)


def _by_split(path: Path, files: list[Path]) -> dict[str, list[Path]]:
    """Files by split, `train` first; all are for training where their names tell of no other split."""
    told = {file: _split_of(path, file) for file in files} if path.is_dir() else {}
    splits = dict.fromkeys(split for split in told.values() if split)
    if set(splits) <= {"train"}:
        return {"train": files}
    lost = [file for file, split in told.items() if split is None]
    if lost or "train" not in splits:
        raise InputError(
            f"{path} has files of the split{'s' if len(splits) > 1 else ''} {', '.join(splits)}"
            + (f" and {lost[0].relative_to(path)}, which is of none" if lost else ", but none named train")
            + ": name files or folders train..., test..., validation..., or move those that are no part of it"
        )
    return {split: [file for file in files if told[file] == split] for split in ("train", *splits)}


def _split_of(path: Path, file: Path) -> str | None:
    """The split of a file by its name, or by the outermost folder that tells."""
    return next((split for part in file.relative_to(path).parts if (split := split_of(part))), None)


def _read(path: Path, file: Path, columns: Columns) -> tuple[pa.Table, list[str]]:
    """One file's table with the columns that its folders stand for, and those left out that were a frame's index."""
    file_head(file)
    try:
        table = pq.ParquetFile(file, memory_map=True).read()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{file} is damaged or no Parquet file: {one_line(error)}") from None
    check_names(table.column_names, str(file))
    index = [name for name in _index_columns(table.schema) if name in table.column_names]
    table = table.drop_columns(index)
    for key, value in _keys(path, file).items() if path.is_dir() else ():
        if key in table.column_names and key not in columns.drop_names:
            raise InputError(f"{file} has a column {key!r}, and its folder is named {key}={value}: rename one of them")
        column = pa.array([None if value == _NO_VALUE else value] * len(table), pa.string())
        table = table.append_column(key, column)
    return table, index


def _index_columns(schema: pa.Schema) -> list[str]:
    """The columns that were a pandas frame's index."""
    kept = (schema.pandas_metadata or {}).get("index_columns", [])
    return [name for name in kept if isinstance(name, str)]


def _keys(path: Path, file: Path) -> dict[str, str]:
    """What the `key=value` folders between a folder and its file say."""
    parts = [part for part in file.relative_to(path).parts[:-1] if split_of(part) is None]
    pairs = (part.partition("=") for part in parts)
    return {unquote(key): unquote(value) for key, equals, value in pairs if equals}


def _typed(frame: pd.DataFrame, keys: list[str], columns: Columns) -> pd.DataFrame:
    """The same with numbers where folders are named by numbers, unless these are the names of classes."""
    if not keys or frame.empty:
        return frame
    texts = {key: pa.chunked_array([pa.array(frame[key].fillna(""), pa.string())]) for key in keys}
    typed, _ = convert(texts, ".", (), columns.label_names, columns.task)
    return frame.assign(**{key: typed[key] for key in keys})


def _check_columns(file: Path, schema: pa.Schema, first: Path, expected: pa.Schema) -> None:
    """Raise InputError where a file has other columns than the first one."""
    for name in sorted(set(schema.names) ^ set(expected.names)):
        has, lacks = (file, first) if name in schema.names else (first, file)
        raise InputError(
            f"the column {name!r} is in {has.name} but not in {lacks.name}: give all files the same columns, or load "
            f"them apart"
        )


def _together(parts: list[tuple[Path, pa.Table]]) -> pa.Table:
    """The rows of all files; types may differ in their width."""
    first, table = parts[0]
    for file, other in parts[1:]:
        for field in table.schema:
            before, after = field.type, other.schema.field(field.name).type
            if before != after and _family(before) != _family(after):
                raise InputError(
                    f"the column {field.name!r} is {before} in {first.name} but {after} in {file.name}: give it one "
                    f"type"
                )
    try:
        ordered = [other.select(table.column_names).replace_schema_metadata(None) for _, other in parts]
        if all(other.schema.types == table.schema.types for other in ordered):
            return pa.concat_tables(ordered, promote_options="permissive").unify_dictionaries()
        plain = [_plain(other) for other in ordered]
        schema = pa.unify_schemas([other.schema for other in plain], promote_options="permissive")
        return pa.concat_tables([other.cast(schema) for other in plain])
    except pa.ArrowException as error:
        raise InputError(
            f"the files from {first.name} on have columns whose types don't fit ({one_line(error)}): give each column "
            f"one type"
        ) from None


def _plain(table: pa.Table) -> pa.Table:
    """The table with dictionaries as their values."""
    schema = pa.schema(
        pa.field(f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type) for f in table.schema
    )
    return table.cast(schema)


def _family(dtype: pa.DataType) -> str:
    """What values of a type are, whatever their width."""
    if pa.types.is_dictionary(dtype):
        dtype = dtype.value_type
    tests = {
        "whole": pa.types.is_integer,
        "float": pa.types.is_floating,
        "decimal": pa.types.is_decimal,
        "text": lambda kind: (
            pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
        ),
    }
    return next((name for name, test in tests.items() if test(dtype)), str(dtype))
