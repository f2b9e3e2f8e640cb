"""How a CSV file is written: what it is packed in, its encoding, separator and header are found out from its beginning.

`csv.Sniffer` isn't used: it takes letters for separators and fails on a single column. Here a separator must cut all
lines alike; of several that do, the one that leaves the most numbers is taken. Latin-1 is never guessed, since any
bytes are Latin-1: such a file is refused with a word on how it would read.
"""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import io
import lzma
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lepton_lab.data._base import WHITE_SPACE, Dialect, file_head, one_line
from lepton_lab.errors import DataError, InputError

_HEAD_BYTES = 2**18
_MOST_HEAD_BYTES = 2**26
_SEPARATORS = {"\t": "tab", ";": "';'", "|": "'|'", ",": "','", WHITE_SPACE: "white space"}
_NUMBER = re.compile(r"\s*[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?\s*")
_LINE_END = re.compile(r"\r\n|\r|\n")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like UTF-16's
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


_OTHERS = (
    (r"<!doctype html|<html|<(table|head|body|div)\b", "a web page and no CSV file: download the data itself"),
    (r"<\?xml|<[a-z][^<>]*>\s*<[a-z]", "XML and no CSV file: load the frame that pd.read_xml gives"),
    ("version https://git-lfs.github.com", "a pointer of Git LFS and not the data: fetch it with git lfs pull"),
    (r'\{\s*"', "JSON and no CSV file: load the frame that pd.read_json(path, lines=True) gives"),
    (r'\[\s*[{\[]\s*["\d\[-]', "JSON and no CSV file: load the frame that pd.read_json(path) gives"),
    ("%pdf-", "a PDF and no CSV file: get the data in another form"),
)
"""Patterns of what files that are called `.csv` begin with at times, in lower case."""


@dataclass(frozen=True)
class Layout:
    """What was told, and what was found out, of how a CSV file is written."""

    encoding: str
    sep: str
    names: list[str]
    """What the columns are called."""
    num_skipped: int
    """Lines before the first row: comments, and the names."""
    is_spaced: bool
    """Whether a space follows each separator, which is no part of the values."""
    notes: tuple[str, ...]
    """What there is to say of it."""


def open_bytes(path: Path) -> IO[bytes]:
    """The file's bytes, unpacked; by its first bytes, since names don't always tell.

    Raises
    ------
    InputError
        If it is an archive of several files, or can't be read.
    """
    head = file_head(path)
    if head.startswith(b"\x1f\x8b"):
        return gzip.open(path, "rb")  # type: ignore[return-value]
    if head.startswith(b"BZh"):
        return bz2.open(path)
    if head.startswith(b"\xfd7zXZ"):
        return lzma.open(path)
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        raise InputError(f"{path} is packed with zstd: unpack it, or pack it with gzip")
    if head.startswith(b"PK\x03\x04"):
        return _only_member(path)
    return path.open("rb")


def find(path: Path, given: Dialect, labels: list[str]) -> Layout:
    """How the file is written.

    Parameters
    ----------
    given
        What was told.
    labels
        Names that a header has, if it is one: those of the labels.

    Raises
    ------
    DataError
        If the file is no text of that encoding, or has nothing in it.
    """
    head, is_whole = _head(path)
    encoding = _encoding(path, head, given.encoding)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        sample = decoder.decode(head, final=is_whole).removeprefix("\ufeff")
    except UnicodeError as error:
        raise not_decoded(path, encoding, error, is_head=True) from None
    begin = sample[:1000].strip().lower()
    for start, what in _OTHERS:
        if re.match(start, begin):
            raise DataError(f"{path} is {what}")
    notes = [] if given.encoding or encoding in ("utf-8", "utf-8-sig") else [f"encoding {encoding}"]
    lines = list(io.StringIO(sample, newline=""))
    skipped, sep = _before_names(lines)
    rest = "".join(lines[skipped:])
    sep = given.sep or sep or _separator(rest, is_whole)
    if sep != "," and not given.sep:
        notes.append(f"separator {_SEPARATORS.get(sep, repr(sep))}")
    is_spaced = sep == "," and _has_spaces(rest)
    records = _records(rest, sep, is_whole, is_spaced)
    if not records or not any(cell.strip() for cell in records[0]):
        raise DataError(f"{path} has no columns, expected a line with their names and then rows")
    notes += ["spaces after commas are no part of values"] if is_spaced else []
    commented = _commented_names(lines[:skipped], sep, records, labels)
    if commented and not given.no_header:
        return Layout(encoding, sep, commented, skipped, is_spaced, (*notes, "names in the comment before the rows"))
    notes += ["lines of comment before the names"] if any(line.startswith("#") for line in lines[:skipped]) else []
    first = [cell.strip() if is_spaced else cell for cell in records[0]]
    if given.no_header or (not _names_labels(first, labels) and _is_row(first)):
        if not given.no_header:
            notes.append(
                f"no names in the first line, which is a row of numbers ({_listed(first)}): columns are called 0, 1, "
                f"..."
            )
        return Layout(encoding, sep, [str(number) for number in range(len(first))], skipped, is_spaced, tuple(notes))
    if _are_counts(first):
        notes.append(f"names in the first line, which numbers the columns ({_listed(first)}; --no-header for a row)")
    names = [name if name.strip() else f"Unnamed: {number}" for number, name in enumerate(first)]
    # a name in quotes may have several lines
    lines_of_names = 1 + sum(len(_LINE_END.findall(name)) for name in first) + _blank_before(lines[skipped:])
    return Layout(encoding, sep, names, skipped + lines_of_names, is_spaced, tuple(notes))


def not_decoded(path: Path, encoding: str, error: UnicodeError, *, is_head: bool = False) -> DataError:
    """The error for bytes that the encoding doesn't have."""
    name = "UTF-8" if encoding.startswith("utf-8") else encoding
    if not isinstance(error, UnicodeDecodeError):
        return DataError(f"{path} is no {name} text ({one_line(error)}): give its encoding, such as utf-16-le or utf-8")
    likely = _likely_encoding(error.object)
    around = error.object[max(0, error.start - 12) : error.start + 12].decode(likely).replace("\n", " ")
    where = f"byte {error.start:,} is" if is_head else "it has the byte"
    return DataError(
        f"{path} is no {name} text ({where} {error.object[error.start]:#x}): give its encoding, such as {likely}, in "
        f"which it reads {around!r} there, or save it as UTF-8"
    )


def _likely_encoding(content: bytes) -> str:
    """Windows's, if there are bytes that only it has characters for: in Latin-1 they are control characters."""
    try:
        content.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252" if any(0x80 <= byte < 0xA0 for byte in content) else "latin-1"


@contextmanager
def large_values() -> Iterator[None]:
    """Python's limit of 131,072 characters a value, raised for a while."""
    before = csv.field_size_limit(2**30)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _head(path: Path) -> tuple[bytes, bool]:
    """The file's first lines of rows, and whether they are all."""
    with open_bytes(path) as stream:
        head, seen, num_rows = bytearray(), 0, 0
        while block := stream.read(_HEAD_BYTES):
            head += block
            if len(head) > _MOST_HEAD_BYTES:
                raise DataError(f"{path} has no rows in its first {len(head) // 2**20} MB, expected lines of values")
            *whole, rest = re.split(rb"\r\n?|\n", head[seen:])
            seen, num_rows = len(head) - len(rest), num_rows + sum(not line.startswith(b"#") for line in whole)
            if len(block) == _HEAD_BYTES and num_rows > 2:
                return bytes(head), False
    return bytes(head), True


def _only_member(path: Path) -> IO[bytes]:
    """The one file in a zip archive."""
    try:
        archive = zipfile.ZipFile(path)
        names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
        if len(names) == 1:
            return archive.open(names[0])
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
        raise DataError(f"{path} can't be unpacked ({one_line(error)}): pack it again") from None
    if "[Content_Types].xml" in names:
        raise InputError(
            f"{path} is an Excel file: save it as CSV, or load the frame that pd.read_excel({str(path)!r}) gives"
        )
    listed = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    raise InputError(f"{path} holds {len(names)} files ({listed}), expected one: unpack it and name one of them")


def _encoding(path: Path, head: bytes, given: str | None) -> str:
    if given is not None:
        name = codecs.lookup(given).name
        return "utf-8-sig" if name == "utf-8" else name
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if b"\0" not in head:
        return "utf-8"
    pairs = len(head) // 2
    for encoding, zeros, others in (("utf-16-le", head[1::2], head[::2]), ("utf-16-be", head[::2], head[1::2])):
        if zeros.count(0) > 0.7 * pairs and not others.count(0):
            return encoding
    before = head[: head.index(0)]
    if b"\n" in before and before.isascii() and before.decode().replace("\n", "").replace("\r", "").isprintable():
        line = before.count(b"\n") + 1
        raise DataError(f"{path} has bytes that are 0 in line {line:,}, as a power cut leaves them: take that line out")
    raise DataError(
        f"{path} is no CSV file but binary (it starts with {head[:8]!r}): give its true format, such as parquet"
    )


def _before_names(lines: list[str]) -> tuple[int, str | None]:
    """How many lines of comment stand before the names, and the separator if Excel's first line tells it."""
    found = re.fullmatch(r"sep=(.)\r?\n?", lines[0]) if lines else None
    if found:
        return 1, found[1]
    number = 0
    while number < len(lines) and (lines[number].startswith("#") or not lines[number].strip()):
        number += 1
    return (0 if number == len(lines) else number), None


def _commented_names(skipped: list[str], sep: str, records: list[list[str]], labels: list[str]) -> list[str]:
    """Names in the last comment, as `np.savetxt` writes them: as many as rows have values, with numbers below."""
    if not skipped or not skipped[-1].startswith("#"):
        return []
    names = next(iter(_records(skipped[-1].removeprefix("# "), sep, True)), [])
    is_named = _names_labels(names, labels) or all(map(_NUMBER.fullmatch, records[0]))
    return names if is_named and len(names) == len(records[0]) and all(map(str.strip, names)) else []


def _has_spaces(text: str) -> bool:
    """Whether a space follows every comma between two values."""
    plain = re.sub(r'(^|, *)"(?:[^"]|"")*"', r"\1q", text, flags=re.MULTILINE)  # commas in quotes are in values
    behind = [cell for line in plain.splitlines() for cell in line.split(",")[1:]]
    return bool(behind) and all(cell[:1] == " " for cell in behind)


def _records(text: str, sep: str, is_whole: bool, is_spaced: bool = False) -> list[list[str]]:
    """The first values, line by line; blank lines left out."""
    if sep == WHITE_SPACE:
        words = re.compile(r'"(?:[^"\n]|"")*"(?!\S)|\S+')
        records = [[_unquoted(word) for word in words.findall(line)] for line in io.StringIO(text)]
    else:
        try:
            with large_values():
                records = list(csv.reader(io.StringIO(text, newline=""), delimiter=sep, skipinitialspace=is_spaced))
        except csv.Error:
            return []
    kept = [record for record in records if record]
    return kept if is_whole or len(kept) < 2 else kept[:-1]  # the last one may be cut


def _unquoted(word: str) -> str:
    """What is enclosed in quotation marks without them."""
    return word[1:-1].replace('""', '"') if len(word) > 1 and word[0] == word[-1] == '"' else word


def _separator(text: str, is_whole: bool) -> str:
    """The separator that cuts lines alike."""
    best, score = ",", (0.5, 0.0)
    for sep in (",", *(sep for sep in _SEPARATORS if sep not in (",", WHITE_SPACE)), WHITE_SPACE):
        records = _records(text, sep, is_whole, sep == "," and _has_spaces(text))
        if not records or len(records[0]) < 2 or (sep == WHITE_SPACE and score[1]):
            continue
        alike = sum(len(record) == len(records[0]) for record in records) / len(records)
        cells = [cell for record in records for cell in record]
        numbers = sum(map(bool, map(_NUMBER.fullmatch, cells))) / len(cells)
        if (alike, numbers) > score and (sep != WHITE_SPACE or numbers > 0.5):
            best, score = sep, (alike, numbers)
    return best


def _names_labels(first: list[str], labels: list[str]) -> bool:
    """Whether the first line has a label's name, which is no number; or one that can't be a column's place."""
    return any(
        label in first and not (_NUMBER.fullmatch(label) and float(label.replace(",", ".")) < len(first))
        for label in labels
    )


def _is_row(first: list[str]) -> bool:
    """Whether the first line holds numbers, and not those that number columns."""
    is_indexed = _are_counts(first[1:]) and not _NUMBER.fullmatch(first[0])
    return not _are_counts(first) and not is_indexed and any(map(_NUMBER.fullmatch, first))


def _are_counts(cells: list[str]) -> bool:
    """Whether these number columns from 0."""
    return cells == [str(number) for number in range(len(cells))]


def _blank_before(lines: list[str]) -> int:
    number = 0
    while number < len(lines) and not lines[number].strip():
        number += 1
    return number


def _listed(cells: list[str]) -> str:
    return ", ".join(cells[:4]) + (", ..." if len(cells) > 4 else "")
