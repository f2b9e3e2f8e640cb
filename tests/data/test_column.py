import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from lepton_lab.data._column import feature, label, weights
from lepton_lab.errors import DataError

ARROW = pd.ArrowDtype


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pd.array([1, 2], "Int64"), [1, 2]),
        (pd.array([1, 2], "UInt8"), [1, 2]),
        (pd.array([True, False], "boolean"), [1, 0]),
        (pd.Series([True, False], dtype=object), [1, 0]),
        (pd.Series([1, 2.5], dtype=object), [1, 2.5]),
        ([Decimal("1.25"), Decimal(2)], [1.25, 2]),
        (pd.array([Decimal("1.25"), Decimal(2)], ARROW(pa.decimal128(9, 2))), [1.25, 2]),
        (pd.arrays.SparseArray([0, 1]), [0, 1]),
        (np.array([2**24, -(2**24)]), [2**24, -(2**24)]),
        (np.array([2**40, 2**63], np.uint64), [2**40, 2**63]),
    ],
)
def test_numbers(values, expected):
    names, x, said = feature(pd.Series(values, name="a"))
    assert (names, x[:, 0].tolist(), said) == (["a"], expected, "")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([2**24 + 1, 1], r"whole numbers that float32 can't hold exactly \(the first is 16777217 in row 1\): .*drop a"),
        (np.array([1, 2**63 - 1]), "9223372036854775807 in row 2"),
        (np.array([1, 2**64 - 1], np.uint64), "18446744073709551615 in row 2"),
        (pd.Series([1, 2**70 + 1], dtype=object), "1180591620717411303425 in row 2"),
        ([Decimal(2**60 + 1), Decimal(1)], "1152921504606846977 in row 1"),
        (pd.Series([True, 2], dtype=object), "of bool, int, .*one type"),
        (pd.Series(["a", 2], dtype=object), "of int, str"),
        ([[1, 2], [3]], "of list, .*a column of each value"),
        ([{"a": 1}] * 2, "of dict"),
        ([b"a", b"b"], "bytes, .*decode"),
        (pd.to_timedelta([1, 2]), "timedelta64.*total_seconds"),
        ([datetime.date(2026, 1, 1)] * 2, "of date.*days"),
        (pd.period_range("2026", periods=2), "period.*year"),
        (pd.Categorical(pd.Series([1, "1"], dtype=object)), "two categories that are both written '1'"),
        (pd.Categorical(["a", None]), "1 missing"),
        (["1,000", "2,000"], "separators between thousands.*'1,000'"),
        (["$5.50", "€2"], r"amounts of money \('\$5.50'\)"),
        (["12%", "3 %"], "percentages"),
        (["2026-01-01", "1/2/2026"], "dates.*to_datetime"),
        (["1 Jan 2026", "Feb 3, 2026"], "dates"),
        (["12:30", "1:05:00 pm"], "times"),
        (["1", "2"], "numbers written as text.*to_numeric"),
        (["(5.50)", "(1)"], "in brackets"),
        ([f"0{n:04d}" for n in range(40)], "numbers with leading zeros, of 40 different values"),
    ],
)
def test_features_refused(values, words):
    with pytest.raises(DataError, match=words):
        feature(pd.Series(values, name="a"))


def test_codes_and_categories_stay_what_they_are():
    names, x, _ = feature(pd.Series(["007", "7", "007"], name="a"))
    assert names == ["a=007", "a=7"] and x.tolist() == [[1, 0], [0, 1], [1, 0]]
    names, x, said = feature(pd.Series(pd.Categorical(["u", "v"], ["v", "w", "u"]), name="a"))
    assert names == ["a=u", "a=v"] and x.tolist() == [[1, 0], [0, 1]]
    assert said == "'a': no row has the categories w, so they are left out"
    names, _, _ = feature(pd.Series(["u", "u\0"], name="a"))
    assert names == ["a=u", "a=u\0"]


@pytest.mark.parametrize(
    ("values", "expected", "order"),
    [
        (np.array([2**64 - 1, 1], np.uint64), [2**64 - 1, 1], ()),
        (pd.array([2**64 - 1, 1], "UInt64"), [2**64 - 1, 1], ()),
        (pd.Series([2**70, 1], dtype=object), [str(2**70), "1"], ()),
        ([Decimal(7), Decimal(8)], [7, 8], ()),
        (["007", "7"], ["007", "7"], ()),
        (pd.Categorical(["lo", "hi"], ["lo", "mid", "hi"], ordered=True), ["lo", "hi"], ("lo", "hi")),
        (pd.Categorical([True, False]), [True, False], ()),
        (pd.array(["u", "v"], ARROW(pa.dictionary(pa.int8(), pa.string()))), ["u", "v"], ()),
    ],
)
def test_labels(values, expected, order):
    y, found, _ = label(pd.Series(values, name="y"))
    assert y.tolist() == expected and found == order


def test_labels_that_stand_for_numbers():
    with pytest.raises(DataError, match=r"label column 'y' is text that stands for amounts of money"):
        label(pd.Series([f"${n}" for n in range(30)], name="y"))
    with pytest.raises(DataError, match=r"label column 'y' has 1 values that are no numbers among numbers"):
        label(pd.Series([*map(str, range(30)), "?"], name="y"))
    assert "each of them a class" in label(pd.Series([f"word {n}" for n in range(30)], name="y"))[2]


def test_weights():
    assert weights(pd.Series([Decimal("0.5"), Decimal(2)], name="w")).tolist() == [0.5, 2]
    assert np.isnan(weights(pd.Series(pd.array([1, None], "Int64"), name="w"))[1])
    with pytest.raises(DataError, match="weight column 'w' has the type"):
        weights(pd.Series(["1", "2"], name="w"))
