import pandas as pd
import pytest

from lepton_lab import data
from lepton_lab.errors import InputError

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


def test_files_that_are_not_what_they_seem(tmp_path):
    (tmp_path / "link.csv").symlink_to(tmp_path / "gone.csv")
    with pytest.raises(InputError, match=r"is a link to .*gone.csv, which isn't there"):
        data.load(tmp_path / "link.csv", "d", tmp_path / "d")
    with pytest.raises(InputError, match=r"x.npy, y.npy and weights, but a.csv is none of these: .*pd.concat"):
        data.load(["a.csv", "b.csv"], "d", tmp_path / "d")
