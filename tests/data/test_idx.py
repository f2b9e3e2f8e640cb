import gzip

import numpy as np
import pytest

from lepton_lab import data
from lepton_lab.data._idx import read_idx
from lepton_lab.errors import DataError, InputError


def test_mnist(mnist_folder, tmp_path):
    dataset = data.load(mnist_folder, "mnist", tmp_path / "mnist")
    assert (dataset.input_shape, dataset.input_dtype) == ((28, 28, 1), "uint8")
    assert (dataset.scaling.mean, dataset.scaling.deviation) == ((0.0,), (255.0,))
    assert dataset.target.classes == tuple("0123456789")
    assert set(dataset.splits) == {"train", "test"}
    if dataset.splits["train"] == 60000:
        x, y = data.open_split(dataset, "train")
        assert dataset.splits["test"] == 10000
        assert np.bincount(y).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
        assert y[:5].tolist() == [5, 0, 4, 1, 9]
        assert round(float(x.mean()) / 255, 4) == 0.1307


def test_own_test_split_is_kept(idx_folder, tmp_path):
    assert data.load(idx_folder, "m", tmp_path / "m", test_share=0.5).splits == {"train": 200, "test": 50}


def test_without_test_files_rows_are_held_out(idx_folder, tmp_path):
    for path in idx_folder.glob("t10k*"):
        path.unlink()
    assert data.load(idx_folder, "m", tmp_path / "m").splits == {"train": 160, "test": 40}


def test_dots_instead_of_dashes(idx_folder, tmp_path):
    for path in list(idx_folder.iterdir()):
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert data.load(idx_folder, "m", tmp_path / "m").splits == {"train": 200, "test": 50}


@pytest.mark.parametrize(("code", "dtype"), [(9, "i1"), (11, ">i2"), (12, ">i4"), (13, ">f4"), (14, ">f8")])
def test_every_type(tmp_path, code, dtype):
    values = np.array([[1, 2, 3], [4, 5, -6]])
    path = tmp_path / "a"
    path.write_bytes(bytes([0, 0, code, 2, 0, 0, 0, 2, 0, 0, 0, 3]) + values.astype(dtype).tobytes())
    array = read_idx(path)
    assert (array == values).all()
    assert array.dtype == np.dtype(dtype).newbyteorder("=")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x89PNG\r\n\x1a\n", "no IDX file"),
        (b"\0\0\x07\x01\0\0\0\0", "no IDX file"),
        (b"\0\0", "no IDX file"),
        (b"\0\0\x08\x01\0\0", "header says"),
        (b"\0\0\x08\x01\0\0\0\x05abc", "has 11 bytes, its header says 13"),
        (b"\0\0\x08\x01\0\0\0\x01abc", "has 11 bytes, its header says 9"),
        (gzip.compress(b"\0\0\x08\x01\0\0\0\x03abc")[:-4], "damaged gzip"),
        (b"\x1f\x8bnonsense", "damaged gzip"),
    ],
)
def test_damaged(tmp_path, content, words):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_idx(path)


@pytest.mark.parametrize("name", ["train-labels-idx1-ubyte", "t10k-images-idx3-ubyte.gz"])
def test_a_missing_file_is_named(idx_folder, tmp_path, name):
    (idx_folder / name).unlink()
    with pytest.raises(InputError, match=f"has no {name.removesuffix('.gz')}"):
        data.load(idx_folder, "m", tmp_path / "m")
