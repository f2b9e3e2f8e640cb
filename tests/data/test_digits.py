import numpy as np

from lepton_lab import data
from lepton_lab.types import Scaling


def test_what_it_gives(digits):
    assert digits.splits == {"train": 1438, "test": 359}
    assert (digits.input_shape, digits.input_dtype) == ((8, 8, 1), "uint8")
    assert digits.scaling == Scaling((0.0,), (16.0,))
    assert digits.target.classes == tuple("0123456789")
    assert digits.is_image


def test_rows_are_those_of_sklearn(digits):
    from sklearn.datasets import load_digits

    parts = [data.open_split(digits, split)[0] for split in digits.splits]
    ours = np.sort(np.concatenate(parts).reshape(-1, 64), axis=0)
    assert (ours == np.sort(load_digits().data, axis=0)).all()
