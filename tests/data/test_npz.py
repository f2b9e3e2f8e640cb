import zipfile

import numpy as np
import pytest

from lepton_lab import data
from lepton_lab.errors import DataError, InputError

X, Y = np.arange(60, dtype=np.float32).reshape(20, 3), np.arange(20) % 2


def test_x_and_y(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    dataset = data.load(tmp_path / "a.npz", "a", tmp_path / "a")
    assert dataset.splits == {"train": 16, "test": 4}


def test_keras_names(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x_train=X, y_train=Y, x_test=X[:5], y_test=Y[:5])
    dataset = data.load(str(tmp_path / "a.npz"), "a", tmp_path / "a")
    assert dataset.splits == {"train": 20, "test": 5}
    x, y = data.open_split(dataset, "test")
    assert (x == X[:5]).all()
    assert (y == Y[:5]).all()


def test_other_names(tmp_path):
    np.savez(tmp_path / "a.npz", images=X, labels=Y)
    with pytest.raises(InputError, match="has the names images, labels; expected x_train, y_train"):
        data.load(tmp_path / "a.npz", "a", tmp_path / "a")


def test_pickled_objects_are_not_run(tmp_path):
    ran = tmp_path / "ran"

    class Trap:
        def __reduce__(self):
            return ran.touch, ()

    np.savez(tmp_path / "a.npz", x=np.array([Trap()] * 3, dtype=object), y=np.arange(3))
    with pytest.raises(DataError, match="dtype object"):
        data.load(tmp_path / "a.npz", "a", tmp_path / "a")
    assert not ran.exists()


def test_truncated(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    content = (tmp_path / "a.npz").read_bytes()
    for length in (10, len(content) // 2, len(content) - 10):
        (tmp_path / "a.npz").write_bytes(content[:length])
        with pytest.raises(DataError, match=r"damaged or no .npz archive"):
            data.load(tmp_path / "a.npz", "a", tmp_path / "a")


def test_one_byte_flipped(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[250] ^= 1
    (tmp_path / "a.npz").write_bytes(content)
    assert zipfile.is_zipfile(tmp_path / "a.npz")
    with pytest.raises(DataError, match="is damaged"):
        data.load(tmp_path / "a.npz", "a", tmp_path / "a")


def test_a_single_array(tmp_path):
    np.save(tmp_path / "a.npy", X)
    with pytest.raises(DataError, match=r"single .npy array"):
        data.load(tmp_path / "a.npy", "a", tmp_path / "a", format="npz")


def test_validation_rows(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, y=Y, x_valid=X[:3], y_valid=Y[:3])
    dataset = data.load(tmp_path / "a.npz", "a", tmp_path / "a")
    assert dataset.splits == {"train": 20, "test": 3}
    assert dataset.notes == ("the rows of 'valid' are the test split",)
    np.savez(tmp_path / "a.npz", x=X, y=Y, x_val=X[:3], y_val=Y[:3], x_test=X[:5], y_test=Y[:5])
    dataset = data.load(tmp_path / "a.npz", "a", tmp_path / "a")
    assert dataset.splits == {"train": 20, "test": 5, "validation": 3}
    assert (data.open_split(dataset, "validation")[0] == X[:3]).all()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"ids": Y}, "has 'ids', which nothing would use"),
        ({"x_val": X}, "has no y_val"),
        ({"x_train": X, "y_train": Y}, "has 'x', 'y', which nothing would use"),
        ({"x_val": X, "y_val": Y, "x_dev": X, "y_dev": Y}, "under two names, val and dev"),
    ],
)
def test_nothing_is_left_out(tmp_path, more, words):
    np.savez(tmp_path / "a.npz", x=X, y=Y, **more)
    with pytest.raises(InputError, match=words):
        data.load(tmp_path / "a.npz", "a", tmp_path / "a")
