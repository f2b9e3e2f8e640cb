import pandas as pd
import pytest

from lepton_lab import data

X, Y = [[1.0], [2.0]], [0, 1]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("digits", "digits"),
        ("/a/mnist/", "mnist"),
        ("prices.csv", "prices"),
        ("a b.csv.gz", "a_b"),
        ("x.parquet", "x"),
        ((X, Y), "arrays"),
        ({"x": X}, "arrays"),
        (pd.DataFrame(), "frame"),
    ],
)
def test_default_name(source, name):
    assert data.default_name(source) == name
