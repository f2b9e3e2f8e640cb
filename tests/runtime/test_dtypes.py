from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepton_lab.errors import InputError
from lepton_lab.runtime import TEXT, LostNumberError, as_dtype, check_dtype, from_python


@pytest.mark.parametrize(
    ("rows", "dtype"),
    [
        (np.array([[0, 255]], np.uint8), "float32"),
        (np.array([[-128, 127]], np.int8), "int32"),
        (np.array([[2**24, -(2**24)]]), "float32"),
        (np.array([[2**25]]), "float32"),
        (np.array([[3.0, 4.0]]), "int32"),
        (np.array([[True, False]]), "float32"),
        (np.array([[0.0, 1.0]]), "bool"),
        (np.array([[2**40]]), "int64"),
        (np.array([[0.1, 1e-3]]), "float32"),
        (np.array([["a", "ü"]]), TEXT),
    ],
)
def test_kept(rows, dtype):
    made = as_dtype(rows, dtype)
    check_dtype(rows, dtype)
    if dtype == TEXT:
        assert (made == rows).all()
    else:
        assert made.dtype == dtype
        np.testing.assert_allclose(made.astype(np.float64), rows.astype(np.float64), rtol=1e-7)


@pytest.mark.parametrize(
    ("rows", "dtype", "words"),
    [
        (np.array([[1], [2**24 + 1]]), "float32", r"float32, which can't hold 16777217 of x \(row 2, column 0\)"),
        (np.array([[2.0**24 + 1]]), "float32", "16777217"),
        (np.array([[2**53 + 1]], np.uint64), "float64", "9007199254740993"),
        (np.array([[0, -1]]), "uint8", r"uint8, which can't hold -1 .*\(row 1, column 1\)"),
        (np.array([[2**63]], np.uint64), "int64", "9223372036854775808"),
        (np.array([[-1]]), "uint64", "-1"),
        (np.array([[3.7]]), "int32", "3.7"),
        (np.array([[np.nan]]), "int32", "nan"),
        (np.array([[1e12]]), "int32", "1000000000000"),
        (np.array([[2]]), "bool", "2"),
        (np.array([["a"]]), "float32", "takes float32, but x are text: begin the model with a TextVectorization"),
        (np.array([[1.0]]), TEXT, "takes text, but x are float64"),
    ],
)
def test_refused(rows, dtype, words):
    for function in (as_dtype, check_dtype):
        with pytest.raises(InputError, match=words):
            function(rows, dtype, "x")


NUMBERS = st.lists(
    st.one_of(
        st.integers(-(2**66), 2**66), st.floats(allow_nan=False), st.decimals(-1000, 1000, places=0), st.booleans()
    ),
    min_size=1,
)


@given(NUMBERS)
def test_python_s_numbers_stay_what_they_are_or_are_refused_by_their_place(values):
    column = np.array([*values, None], dtype=object)[:-1]
    try:
        made = from_python(column)
    except LostNumberError as lost:
        assert values[lost.place[0]] == lost.value != float(lost.value)
    else:
        assert all(own == kept for own, kept in zip(values, made.tolist(), strict=True))


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, True, np.int8(3)], np.int64),
        ([Decimal(2**63), 0], np.uint64),
        ([-1, 2**63], object),
        ([1, 0.5], np.float64),
        ([Decimal("0.5"), Decimal("nan")], np.float64),
    ],
)
def test_python_s_numbers_become_the_narrowest_dtype_that_holds_all(values, dtype):
    assert from_python(np.array(values, dtype=object)).dtype == dtype
