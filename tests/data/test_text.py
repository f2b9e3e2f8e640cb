import numpy as np
import pyarrow as pa
import pytest

from lepton_lab.data._text import convert


def _convert(*texts, decimal=None, na_values=(), labels=()):
    frame, notes = convert({"t": pa.chunked_array([pa.array(texts)])}, decimal, na_values, [*labels])
    return frame["t"], notes


@pytest.mark.parametrize(
    ("texts", "dtype", "values"),
    [
        (("1", "-2"), "int64", [1, -2]),
        ((" 1", "2 "), "int64", [1, 2]),
        (("1", "18446744073709551615"), "uint64", [1, 2**64 - 1]),
        (("1", "2.5", "1e3", ".5"), "float64", [1, 2.5, 1000, 0.5]),
        (("0,5", "1,25"), "float64", [0.5, 1.25]),
        (("0.5", "007.5"), "str", ["0.5", "007.5"]),
        (("01", "2"), "str", ["01", "2"]),
        (("0x1", "2"), "str", ["0x1", "2"]),
        (("1", "9" * 30), "str", ["1", "9" * 30]),
        (("1,000", "2,000"), "str", ["1,000", "2,000"]),
        (("1.5", "2,5"), "str", ["1.5", "2,5"]),
        (("true", "false"), "bool", [True, False]),
        (("TRUE", "true"), "str", ["TRUE", "true"]),
        ((" x", "x"), "str", [" x", "x"]),
    ],
)
def test_values(texts, dtype, values):
    column, notes = _convert(*texts)
    assert column.dtype == dtype
    assert column.tolist() == values
    assert bool(notes) == ("0,5" in texts)


def test_missing_among_numbers_is_a_value_among_words():
    column, notes = _convert("1", "NA", "", "null", "\\N")
    assert column.isna().tolist() == [False, True, True, True, True] and not notes
    assert r"'\\N' (1 rows) is a value like others" in _convert("u", "\\N")[1][0]
    column, notes = _convert("EU", "NA", "")
    assert column.tolist()[:2] == ["EU", "NA"] and column.isna().tolist() == [False, False, True]
    assert notes == ("'t': the text 'NA' (1 rows) is a value like others, not a gap; na_values NA makes it one",)
    column, notes = _convert("EU", "NA", "", na_values=("NA",))
    assert column.isna().tolist() == [False, True, True] and not notes
    assert np.isnan(_convert("1.0", "-999.0", na_values=("-999",))[0].tolist()[1])
    assert np.isnan(_convert("1", "?", na_values=("?",))[0].tolist()[1])


def test_labels_keep_their_names():
    assert _convert("true", "false", labels=("t",))[0].tolist() == ["true", "false"]
    assert _convert("true", "false", labels=("t", "u"))[0].tolist() == [True, False]
    assert _convert("1e5", "100000", labels=("t",))[0].tolist() == ["1e5", "100000"]
    assert _convert("1e5", "100000")[0].tolist() == [1e5, 1e5]
    column, (note,) = _convert("1.1", "1.10", "2.0", labels=("t",))
    assert column.tolist() == [1.1, 1.1, 2.0] and "'1.1' and '1.10' are one number (--task classification" in note
    texts = {"t": pa.chunked_array([pa.array(["1.1", "1.10", "2.0"])])}
    assert convert(texts, None, (), ["t"], task="classification")[0]["t"].tolist() == ["1.1", "1.10", "2.0"]
    for whole in ("9007199254740993", "12345678901234567.0"):  # which no float holds
        assert _convert(whole, "1.5", labels=("t",))[0].tolist() == [whole, "1.5"]


def test_what_may_be_a_name_or_a_number_is_said():
    column, notes = _convert("2E4", "20E3", "3E1")
    assert column.tolist() == [2e4, 2e4, 30] and notes == ("'t': '2E4' is read as the number 20000",)
    assert _convert("1E5", "2E5", labels=("t",))[0].tolist() == ["1E5", "2E5"]
    texts = {"t": pa.chunked_array([pa.array(["1E5", "2E5"])])}
    assert convert(texts, None, (), ["t"], task="regression")[0]["t"].tolist() == [1e5, 2e5]


@pytest.mark.parametrize(("texts", "is_said"), [(("1.200", "13.050"), True), (("1.200", "0.050"), False)])
def test_points_that_may_stand_between_thousands_are_said(texts, is_said):
    columns = {"t": pa.chunked_array([pa.array(texts)])}
    frame, notes = convert(columns, None, (), [], may_be_thousands=True)
    assert frame["t"].tolist() == [float(text) for text in texts]
    assert bool(notes) == is_said and all(
        "'t': 1.200 is read as a number with three decimals" in note for note in notes
    )


def test_a_decimal_comma_that_was_told():
    assert _convert("1,000", "2", decimal=",")[0].tolist() == [1.0, 2.0]
    assert _convert("0,5", decimal=".")[0].tolist() == ["0,5"]
    assert _convert("1.5", decimal=",")[0].tolist() == ["1.5"]
