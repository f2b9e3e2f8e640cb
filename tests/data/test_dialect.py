import bz2
import gzip
import io
import lzma
import zipfile

import pytest

from lepton_lab import data
from lepton_lab.errors import DataError, InputError

ROWS = "".join(f"{row}.5,{row % 2}\n" for row in range(6))
TABLE = "a,label\n" + ROWS


def _zipped(**members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__dot__", "."), content)
    return stream.getvalue()


@pytest.fixture
def load(tmp_path):
    def load(content, name="t.csv", label=None, **told):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return data.load(path, "t", tmp_path / "t", label=label, test_share=0, dialect=data.dialect(**told))

    return load


def _rows(dataset):
    x, y = data.open_split(dataset, "train")
    return dataset.columns, x[:, 0].tolist(), [dataset.target.classes[number] for number in y]


EXPECTED = (("a",), [row + 0.5 for row in range(6)], ["0", "1"] * 3)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.tsv", TABLE.replace(",", "\t")),
        ("t.csv", TABLE.replace(",", ";")),
        ("t.csv", TABLE.replace(",", "|")),
        ("t.csv", TABLE.replace(".", ",").replace(",0\n", ";0\n").replace(",1\n", ";1\n").replace("a,", "a;")),
        ("t.csv", TABLE.replace(",", "   ")),
        ("t.csv", TABLE.replace(",", ", ")),
        ("t.csv", "sep=;\r\n" + TABLE.replace(",", ";").replace("\n", "\r\n")),
        ("t.csv", TABLE.replace("\n", "\r")),
        ("t.csv", "# of 2026, by hand\n\n" + TABLE),
        ("t.csv", "# a,label\n" + ROWS),
        ("t.csv", b"\xef\xbb\xbf" + TABLE.encode()),
        ("t.csv", TABLE.encode("utf-16")),
        ("t.csv", TABLE.encode("utf-16-le")),
        ("t.csv", TABLE.encode("utf-32")),
        ("t.csv.GZ", gzip.compress(TABLE.encode())),
        ("t.csv.bz2", bz2.compress(TABLE.encode())),
        ("t.csv.xz", lzma.compress(TABLE.encode())),
        ("t.csv.zip", _zipped(t__dot__csv=TABLE, **{"__MACOSX/t": "x"})),
        ("t.csv", gzip.compress(TABLE.encode())),
    ],
)
def test_found_out(load, name, content):
    assert _rows(load(content, name)) == EXPECTED


@pytest.mark.parametrize("told", [{}, {"sep": ","}])
def test_quotes_behind_spaces(load, told):
    """Names and values in quotes, with commas and quotes in them."""
    names = '"a ""b""", "c, d", "1958", label\n'
    dataset = load(names + "".join(f'{row}, "x,{row % 2}", {row + 0.5}, {row % 2}\n' for row in range(6)), **told)
    assert dataset.columns == ('a "b"', "c, d=x,0", "c, d=x,1", "1958")
    assert dataset.notes[0].endswith("spaces after commas are no part of values")
    x, y = data.open_split(dataset, "train")
    assert x.tolist() == [[row, 1 - row % 2, row % 2, row + 0.5] for row in range(6)] and y.tolist() == [0, 1] * 3


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (TABLE.replace(",", "~"), {"sep": "~"}),
        (TABLE.replace(",", "\t"), {"sep": r"\t"}),
        (TABLE.replace(",", " "), {"sep": r"\s+"}),
        (TABLE.replace(",", ";").replace(".", ","), {"decimal": ","}),
        (TABLE.encode("utf-16"), {"encoding": "utf-16"}),
    ],
)
def test_told(load, content, told):
    assert _rows(load(content, **told)) == EXPECTED


def test_what_was_found_is_said(load):
    dataset = load(TABLE.replace(",", ";").replace(".", ",").encode("utf-16"))
    assert "found: encoding utf-16, separator ';'" in dataset.notes and "decimal ','" in dataset.notes
    assert "separator ';'" in str(data.read(dataset.folder).table())
    assert load(TABLE).notes == ()


@pytest.mark.parametrize("words", [("a", "b"), ("x", "y")])
def test_no_header(load, words):
    content = "".join(f"{row}.5,{row * 2},{words[row % 2]}\n" for row in range(6))
    dataset = load(content, label="2")
    assert (dataset.columns, dataset.splits, dataset.target.classes) == (("0", "1"), {"train": 6}, words)
    assert "no names in the first line, which is a row of numbers (0.5, 0, " in dataset.notes[0]
    dataset = load("u,v\n" * 3 + "w,z\n", label="1", no_header=True)
    assert (dataset.columns, dataset.splits) == (("0=u", "0=w"), {"train": 4})
    with pytest.raises(InputError, match=r"one of 0, 1, 2.*found: no names in the first line"):
        load(content)


def test_a_label_that_is_called_by_a_year(load):
    dataset = load("2019,2020,2021\n" + "".join(f"{n}.5,{n * 2},{n % 2}\n" for n in range(6)), label="2021")
    assert (dataset.columns, dataset.splits, dataset.target.name) == (("2019", "2020"), {"train": 6}, "2021")


@pytest.mark.parametrize("header", ["0,1,label", "2019,2020,label", ",0,label"])
def test_numbers_that_are_names(load, header):
    content = header + "\n" + "".join(f"{row + 3}.5,{row * 2},{row % 2}\n" for row in range(6))
    assert load(content).splits == {"train": 6}


@pytest.mark.parametrize(
    ("content", "told", "error", "words"),
    [
        (
            "a,label\né,1\n".encode("latin-1"),
            {},
            DataError,
            "no UTF-8 text .*such as latin-1, in which it reads '.*é,1",
        ),
        (TABLE.encode() * 7000 + b"\xff,1\n", {}, DataError, "no UTF-8 text"),
        ("price,label\n€1,1\n".encode("cp1252"), {}, DataError, "such as cp1252, in which it reads '.*€1"),
        ("<!DOCTYPE html>\n<html>\n", {}, DataError, "is a web page and no CSV file"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:1\n", {}, DataError, "git lfs pull"),
        ('{"a": 1, "label": 0}\n', {}, DataError, r"is JSON .*pd.read_json\(path, lines=True\)"),
        ('{ "a": 1}\n{ "a": 2}\n', {}, DataError, r"is JSON .*pd.read_json\(path, lines=True\)"),
        ('[\n  {\n    "a": 1,\n    "label": 0\n  }\n]\n', {}, DataError, r"is JSON .*pd.read_json\(path\)"),
        ("<rows>\n  <row><a>1</a></row>\n</rows>\n", {}, DataError, "is XML and no CSV file"),
        ('<table border="1">\n<tr><td>1</td></tr></table>\n', {}, DataError, "is a web page"),
        ("%PDF-1.4\n1 0 obj\n", {}, DataError, "is a PDF"),
        (TABLE.encode() + b"\0" * 50 + b"\n1,1\n", {}, DataError, "bytes that are 0 in line 8, as a power cut"),
        ("Report 2020\n\na,b,label\n1,2,0\n", {}, DataError, "take out lines above the names"),
        (b"\x89PNG\0\0\0\rIHDR", {}, DataError, "binary"),
        (_zipped(a="x", b="y"), {}, InputError, r"holds 2 files \(a, b\), expected one"),
        (_zipped(a=TABLE)[:60], {}, DataError, "can't be unpacked"),
        (b"\x28\xb5\x2f\xfd12", {}, InputError, "zstd"),
        ("a,label,label\n1,0,0\n", {}, InputError, "more than one column 'label'"),
        ("a,a,label\n1,2,0\n", {}, InputError, "more than one column 'a'"),
        (TABLE, {"sep": "ab"}, InputError, "sep is 'ab', expected one character"),
        (TABLE, {"decimal": ";"}, InputError, "decimal is ';'"),
        (TABLE, {"sep": ",", "decimal": ","}, InputError, "both ','"),
        (TABLE, {"encoding": "utf-9"}, InputError, "encoding is 'utf-9'"),
        ("\ufeff", {}, DataError, "no columns"),
        ("a;b;label\n1;2;3\n3;4;5;6\n", {}, DataError, "line 3 has 4 values, expected 3 with ';'"),
        ('a,label\n"1,0,7\n', {}, DataError, r"quotation mark that isn't closed .*\(line 2\)"),
        ('a,b,label\n"x" y,1,"0"\n', {}, DataError, r"quotation mark that isn't closed .*\(line 2\)"),
        (_zipped(**{"[Content_Types].xml": "x", "b": "y"}), {}, InputError, "is an Excel file: save it as CSV"),
        ("a,label\n1,0\n", {"encoding": "utf-16"}, DataError, "is no utf-16 text"),
    ],
)
def test_refused(load, content, told, error, words):
    with pytest.raises(error, match=words):
        load(content, **told)


def test_quotation_marks_that_no_second_one_closes_are_parts_of_values(load):
    rows = [f"{n}\t{chr(34) + 'hm' if n in (5, 25) else 'ok'}\t{'pn'[n % 2]}\n" for n in range(40)]
    dataset = load("id\ttext\tlabel\n" + "".join(rows))
    assert dataset.splits == {"train": 40} and dataset.columns == ("id", 'text="hm', "text=ok")
    assert any("quotation marks are parts of values" in note for note in dataset.notes)


@pytest.mark.parametrize(
    ("value", "read", "note"),
    [
        ('"so ""it"" is"', 'so "it" is', None),
        (r'"so \"it\" is"', 'so "it" is', "a backslash before them"),
        ('so "it" is', 'so "it" is', None),
        ('"one\nand two"', "one\nand two", "8 rows have values of several lines"),
    ],
)
def test_what_quotation_marks_enclose_is_one_value(load, value, read, note):
    dataset = load("text,label\n" + "".join(f"{one},{n % 2}\n" for n, one in enumerate([value, "other"] * 8)))
    assert set(dataset.columns) == {"text=other", f"text={read}"}
    assert note is None or any(note in said for said in dataset.notes)


def test_a_row_that_begins_with_numbers_like_columns_is_no_header(load):
    dataset = load("7,0\n3,1\n5,0\n3,1\n", label="1")
    assert dataset.splits == {"train": 4} and dataset.columns == ("0",)
    assert any("--no-header" in note for note in load("0,1\n1,0\n2,1\n3,0\n", label="1").notes)


def test_names_longer_than_what_is_looked_at_first(load):
    names = [f"a_gene_with_quite_a_long_name_{'x' * 80}_{n}" for n in range(2_500)]
    dataset = load(",".join([*names, "label"]) + "\n" + "".join(",".join([str(n)] * 2_501) + "\n" for n in (0, 1)))
    assert len(",".join(names)) > 2**18 and len(dataset.columns) == 2_500


def test_a_value_of_any_length(load):
    assert load(f"text,label\n{'x' * 200_000},0\nb,1\n").columns
    assert load('"my a" b label\n1 "2" 0\n3 4 1\n5 6 0\n').columns == ("my a", "b")
