import numpy as np
import pytest

from lepton_lab.types import by_name, fields, records

PARTS = {"image": np.arange(48, dtype=np.uint8).reshape(3, 4, 4, 1), "price": np.array([0.5, 1.5, 2.5], np.float32)}


def test_there_and_back():
    together = records(PARTS)
    assert together.shape == (3,)
    apart = fields(together)
    assert list(apart) == list(PARTS)
    for name, array in apart.items():
        assert array.dtype == PARTS[name].dtype and array.shape == PARTS[name].shape
        assert (array == PARTS[name]).all()


def test_what_comes_apart_is_contiguous_and_the_callers_own(tmp_path):
    np.save(tmp_path / "x.npy", records(PARTS))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    for name, array in fields(mapped[1:]).items():
        assert type(array) is np.ndarray and array.flags.c_contiguous
        array[...] = 0
        assert (mapped[name] == PARTS[name]).all()


def test_an_array_by_name():
    assert list(by_name(records(PARTS))) == list(PARTS)
    assert by_name(PARTS["price"])[""] is PARTS["price"]


def test_a_plain_array_has_no_fields():
    with pytest.raises(TypeError, match="float64, expected records"):
        fields(np.zeros(3))
