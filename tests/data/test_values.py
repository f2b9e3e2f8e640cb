"""What is stored of a source, and what `data show` tells of it, is what the source held, value by value; or it is
refused.

Tables and arrays are drawn at random, written in each way that they can be written, and loaded. `make soak` draws more.
"""

from __future__ import annotations

import csv
import re
import tempfile
import warnings
from decimal import Decimal, InvalidOperation
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import assume, event, given, target
from hypothesis import strategies as st

from lepton_lab import data
from lepton_lab.errors import LeptonError

NAMES = st.one_of(
    st.sampled_from(["a", "b", "kind", "id", "2020", "0", "#c", " d", "kind=x", "e,f", 'g"h', "i;j", "k\nl", "x_test"]),
    st.text(min_size=1, max_size=4),
)
WORDS = st.one_of(
    st.sampled_from(["x", "y", "NA", "None", "nan", "", " x", "007", "7", "1e5", "1,5", "1.5", "$5", "12%", "true"]),
    st.sampled_from(["2026-01-01", "12:30", "0x1F", "18446744073709551616", "x\0", "x\ny", 'x"y', "x\ry", "é", "#x"]),
    st.text(max_size=3),
)
WHOLE = st.one_of(
    st.integers(-3, 3),
    st.integers(2**24 - 2, 2**24 + 2),
    st.integers(2**53 - 2, 2**53 + 2),
    st.integers(-(2**63), 2**63 - 1),
)
FLOATS = st.one_of(st.floats(-10, 10, width=32), st.floats(), st.sampled_from([0.1, 1e-40, 1e39, -0.0, 2.0**53 + 2]))


def _columns(rows: int) -> st.SearchStrategy:
    """One column of a table, most of them such as can be loaded."""

    def listed(values):
        return st.lists(values, min_size=rows, max_size=rows)

    few = st.lists(WORDS, min_size=1, max_size=3).flatmap(lambda words: listed(st.sampled_from(words)))
    return st.one_of(
        listed(st.integers(-3, 3)).map(np.array),
        listed(st.floats(-10, 10)).map(np.array),
        listed(st.booleans()).map(np.array),
        listed(st.sampled_from(["red", "green"])),
        few,
        few.map(pd.Categorical),
        listed(WHOLE).map(lambda values: np.array(values, np.int64)),
        listed(st.integers(0, 2**64 - 1)).map(lambda values: np.array(values, np.uint64)),
        listed(FLOATS).map(np.array),
        listed(st.decimals(-100, 100, places=2)),
        listed(st.one_of(st.none(), st.integers(0, 3))).map(lambda values: pd.array(values, dtype="Int64")),
        listed(st.one_of(st.booleans(), st.integers(0, 2), st.just("x"))).map(
            lambda values: pd.Series(values, dtype=object)
        ),
        listed(st.dates()),
    )


@st.composite
def tables(draw) -> pd.DataFrame:
    rows = draw(st.integers(1, 8))
    names = draw(st.lists(NAMES, min_size=1, max_size=4))
    columns = [pd.Series(draw(_columns(rows)), name=name) for name in [*names, "label"]]
    order = draw(st.permutations(range(len(columns))))
    frame = pd.concat([columns[place] for place in order], axis=1)
    return frame.set_axis([columns[place].name for place in order], axis=1)


def _is_number(text: str) -> bool:
    """Whether a text is a number that has lost nothing when it is read as one."""
    if re.match(r"\s*[+-]?0\d", text):
        return False
    try:
        return Decimal(text.strip()).is_finite()
    except InvalidOperation:
        return False


def _holds(stored: float, value: object) -> bool:
    """Whether a stored number is the source's value: a whole one exactly, another to float32's digits."""
    if isinstance(value, str):
        if value.strip().lower() in ("true", "false"):
            return stored == (value.strip().lower() == "true")
        if not _is_number(value):
            return False
        value = int(value) if re.fullmatch(r"\s*[+-]?\d+\s*", value) else float(value)
    if isinstance(value, (bool, np.bool_, int, np.integer)):
        return int(stored) == int(value)
    with np.errstate(over="ignore"):
        return bool(np.float32(stored) == np.float32(float(value)))


def _names(name: str, value: object) -> bool:
    """Whether a class's name is what the source calls it."""
    if name == str(value):
        return True
    if isinstance(value, (float, np.floating)):
        return bool(type(value)(name) == value)
    try:
        return _is_number(str(value)) and Decimal(name) == Decimal(str(value).strip())
    except InvalidOperation:
        return False


def _check_table(dataset, names: list[str], rows: list[list[object]], label: str) -> None:
    """Compare what is stored with the source's rows."""
    x, y = data.open_split(dataset, "train")
    assert dataset.splits == {"train": len(rows)} and len(x) == len(y) == len(rows)
    assert f"{len(rows):,}" in str(dataset.table())
    expected = set()
    for place, name in enumerate(names):
        values = [row[place] for row in rows]
        if "decimal ','" in dataset.notes and (name in dataset.columns or name == label):
            pointed = [value.replace(",", ".") for value in values]
            values = pointed if all(map(_is_number, pointed)) else values
        if name == label:
            if dataset.target.kind == "numbers":
                assert all(map(_holds, y.tolist(), values))
            else:
                called = [dataset.target.classes[number] for number in y]
                assert all(map(_names, called, values))
                assert set(called) == set(dataset.target.classes)
        elif name in dataset.columns:
            expected.add(name)
            assert all(map(_holds, x[:, dataset.columns.index(name)].tolist(), values))
        elif name == "Unnamed: 0" or (place == 0 and name == ""):
            assert [str(value) for value in values] == [str(number) for number in range(len(rows))]
        else:
            own = [f"{name}={value}" for value in values]
            expected |= set(own)
            for row, column in zip(x, own, strict=True):
                assert row[dataset.columns.index(column)] == 1
                assert sum(row[dataset.columns.index(other)] for other in set(own)) == 1
    assert set(dataset.columns) == expected and len(dataset.columns) == len(expected)


def _load(source: object, folder: Path, **options: object):
    """The data set as it is read again, or None where the source is refused in one line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            data.load(source, "t", folder / "t", test_share=0, **options)
    except LeptonError:
        assert not (folder / "t").exists()
        event("refused")
        return None
    event("loaded")
    return data.read(folder / "t")


@given(tables(), st.sampled_from(["frame", "parquet", "folder"]))
def test_frames_and_parquet(frame, written):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        source: object = frame
        if written != "frame":
            (folder / "parts").mkdir()
            parts = [frame] if written == "parquet" else [frame[: len(frame) // 2], frame[len(frame) // 2 :]]
            try:
                for number, part in enumerate(parts):
                    part.to_parquet(folder / "parts" / f"{number}.parquet", index=False)
            except Exception:
                assume(False)  # what pandas can't write is no file
            source = folder / "parts"
        dataset = _load(source, folder, label="label")
        if dataset is not None:
            rows = [list(row) for row in frame.itertuples(index=False, name=None)]
            _check_table(dataset, [str(name) for name in frame.columns], rows, "label")
            target(float(len(dataset.columns)))


@given(
    tables(),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from([".csv", ".csv.gz", ".csv.zip", ".tsv"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.booleans(),
    st.sampled_from(["\n", "\r\n"]),
)
def test_csv(frame, sep, encoding, suffix, quoting, is_told, line_end):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        path = folder / f"t{suffix}"
        try:
            frame.to_csv(path, index=False, sep=sep, encoding=encoding, quoting=quoting, lineterminator=line_end)
            text = frame.to_csv(index=False, sep=sep, quoting=quoting, lineterminator=line_end)
            names, *rows = csv.reader(text.splitlines(keepends=True) if "\0" in text else _lines(text), delimiter=sep)
        except (UnicodeEncodeError, csv.Error):
            assume(False)
        dialect = data.dialect(sep=sep) if is_told else data.dialect()
        dataset = _load(path, folder, label="label", dialect=dialect)
        if dataset is not None:
            names = [name if name.strip() else f"Unnamed: {number}" for number, name in enumerate(names)]
            _check_table(dataset, names, rows, "label")
            target(float(len(dataset.columns)))


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n|$)", text)[:-1]


@st.composite
def arrays(draw, rows: int, most_dims: int) -> np.ndarray:
    shape = (rows, *draw(st.lists(st.integers(1, 3), max_size=most_dims)))
    kind = draw(st.sampled_from(["i1", "u1", "i8", "u8", "f2", "f4", "f8", "?", "U2", "S2"]))
    size = int(np.prod(shape))
    values = {"?": st.booleans(), "U2": st.text(max_size=2), "S2": st.binary(max_size=2)}.get(kind)
    if kind[0] == "f":
        values = st.one_of(st.integers(-3, 3), st.floats(width=8 * int(kind[1])))
    elif values is None:
        bounds = np.iinfo(kind)
        values = st.one_of(st.integers(max(bounds.min, -3), 3), st.integers(bounds.min, bounds.max))
    values = draw(st.lists(values, min_size=size, max_size=size))
    array = np.array(values, kind).reshape(shape)
    if draw(st.integers(0, 9)) == 0:
        array = np.ma.array(array, mask=draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    return array


@given(st.data(), st.sampled_from(["memory", "npz", "npy"]))
def test_arrays(drawn, written):
    rows = drawn.draw(st.integers(1, 6))
    x, y = drawn.draw(arrays(rows, 3)), drawn.draw(arrays(rows, 1))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        source: object = (x, y)
        if written == "npz":
            np.savez(folder / "a.npz", x=np.ma.getdata(x), y=np.ma.getdata(y))
            source = folder / "a.npz"
        elif written == "npy":
            (folder / "a").mkdir()
            for name, array in (("x", x), ("y", y)):
                np.save(folder / "a" / f"{name}.npy", np.ma.getdata(array))
            source = folder / "a"
        dataset = _load(source, folder)
        if dataset is None:
            return
        if written == "memory":
            assert not np.ma.getmaskarray(x).any() and not np.ma.getmaskarray(y).any()
        stored_x, stored_y = data.open_split(dataset, "train")
        x, y = np.ma.getdata(x), np.ma.getdata(y)
        _check_array(stored_x, x[:, None] if x.ndim == 1 else x)
        if dataset.target.kind == "classes" and not dataset.target.positions:
            if y.ndim == 2 and y.shape[1] > 1:  # one-hot
                assert (np.eye(y.shape[1])[stored_y] == y).all()
            else:
                for number, value in zip(stored_y, y.reshape(-1), strict=True):
                    assert _names(dataset.target.classes[number], value.decode() if isinstance(value, bytes) else value)
        elif dataset.target.kind != "classes":
            _check_array(stored_y.reshape(y.shape), y)


def _check_array(stored: np.ndarray, source: np.ndarray) -> None:
    assert stored.shape == source.shape
    for mine, value in zip(stored.reshape(-1).tolist(), source.reshape(-1).tolist(), strict=True):
        if isinstance(value, bytes):
            assert mine == value.decode()
        elif isinstance(value, str):
            assert mine == value
        else:
            assert _holds(mine, value)
