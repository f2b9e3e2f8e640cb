import time
from dataclasses import replace

import numpy as np
import pytest

from lepton_lab import data
from lepton_lab.errors import DataError


@pytest.fixture
def shards(digits, tmp_path):
    return data.shard(digits, tmp_path / "shards", num_shards=5)


def whole(shards):
    """All rows in their global order, read the plain way."""
    files = [shard.folder for shard in shards.shards]
    return tuple(np.concatenate([np.load(folder / f"{name}.npy") for folder in files]) for name in "xy")


def test_take(shards):
    rows = data.open_rows(shards)
    x, y = whole(shards)
    assert len(rows) == len(y) == 1438
    assert rows.input_shape == (8, 8, 1)
    random = np.random.default_rng(0)
    for indices in (random.permutation(1438), random.integers(0, 1438, 64), np.array([1437, 0, 0]), np.array([], int)):
        taken_x, taken_y = rows.take(indices)
        assert (taken_x == x[indices]).all()
        assert (taken_y == y[indices]).all()
        assert (taken_x.dtype, taken_y.dtype) == (np.uint8, np.int64)
        assert taken_x.shape == (len(indices), 8, 8, 1)


def test_what_is_taken_belongs_to_the_caller(shards):
    for opened in (shards, replace(shards, shards=shards.shards[:1])):
        x, _ = data.open_rows(opened).take(np.arange(5))
        x[:] = 0
    assert data.open_rows(shards).take(np.arange(5))[0].any()  # opened again, so its checksums hold too


def test_some_of_the_shards(shards):
    some = replace(shards, shards=(shards.shards[3], shards.shards[1]))
    rows = data.open_rows(some)
    x, y = whole(some)
    assert len(rows) == len(y)
    assert (rows.take(np.arange(len(rows)))[0] == x).all()


@pytest.mark.parametrize("index", [-1, 1438])
def test_no_such_row(shards, index):
    with pytest.raises(IndexError, match="expected 0 to 1437"):
        data.open_rows(shards).take(np.array([3, index]))


@pytest.mark.parametrize("name", ["x.npy", "y.npy"])
@pytest.mark.parametrize("place", [10, 200, -1])
def test_one_byte_flipped(shards, name, place):
    path = shards.shards[2].folder / name
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"shard 2 of 'digits' is not what was written.*shard-00002.*again"):
        data.open_rows(shards)


@pytest.mark.parametrize("name", ["x.npy", "y.npy"])
def test_a_missing_file(shards, name):
    (shards.shards[4].folder / name).unlink()
    with pytest.raises(DataError, match=rf"shard 4 of 'digits' lacks its file .*shard-00004/{name}"):
        data.open_rows(shards)


def test_a_record_that_does_not_fit(shards):
    wrong = replace(shards, shards=(replace(shards.shards[0], rows=3),))
    with pytest.raises(DataError, match="does not fit its record of 3 rows"):
        data.open_rows(wrong)


def test_none(shards):
    with pytest.raises(DataError, match="expected at least one"):
        data.open_rows(replace(shards, shards=()))


def test_take_is_quick(shards):
    rows = data.open_rows(shards)
    indices = np.random.default_rng(0).permutation(len(rows))[:64]
    started = time.perf_counter()
    for _ in range(200):
        rows.take(indices)
    assert (time.perf_counter() - started) / 200 < 0.005  # 0.00004 s on a quiet machine
