import tracemalloc

import numpy as np
import pytest

from lepton_lab import data
from lepton_lab.errors import DataError, InputError

X, Y = np.arange(60, dtype=np.float32).reshape(20, 3), np.arange(20) % 2


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "rows").mkdir()
    np.save(tmp_path / "rows" / "x.npy", X)
    np.save(tmp_path / "rows" / "y.npy", Y)
    return tmp_path / "rows"


def test_a_folder_or_both_paths(tmp_path, folder):
    one = data.load(folder, "a", tmp_path / "a")
    other = data.load((str(folder / "x.npy"), folder / "y.npy"), "a", tmp_path / "b")
    memory = data.load((X, Y), "a", tmp_path / "c")
    assert one.splits == other.splits == {"train": 16, "test": 4}
    assert one.scaling == other.scaling == memory.scaling
    for split in one.splits:
        expected = data.open_split(memory, split)
        for dataset in (one, other):
            assert all((a == b).all() for a, b in zip(data.open_split(dataset, split), expected, strict=True))


def test_default_name(folder):
    assert data.default_name(folder) == "rows"
    assert data.default_name((folder / "x.npy", folder / "y.npy")) == "rows"


def test_weights_and_a_test_split(tmp_path, folder):
    np.save(folder / "w.npy", np.arange(20))
    assert data.load(folder, "a", tmp_path / "a").weighted
    assert data.load((folder / "x.npy", folder / "y.npy", folder / "w.npy"), "a", tmp_path / "b").weighted
    assert data.load((X, Y), "a", tmp_path / "c", weights=folder / "w.npy").weighted
    (folder / "w.npy").unlink()
    for name in "xy":
        (folder / f"{name}.npy").rename(folder / f"{name}_train.npy")
        np.save(folder / f"{name}_test.npy", {"x": X, "y": Y}[name][:5])
    assert data.load(folder, "a", tmp_path / "d").splits == {"train": 20, "test": 5}


def test_a_data_set_of_ours_with_several_inputs(tmp_path):
    x = {"image": np.arange(320).reshape(20, 4, 4) % 256, "table": X}
    first = data.load((x, Y), "a", tmp_path / "a", test_share=0)
    again = data.load(tmp_path / "a" / "train", "b", tmp_path / "b", test_share=0)
    assert again.inputs == first.inputs
    assert (data.open_split(again, "train")[0] == data.open_split(first, "train")[0]).all()


def test_refused(tmp_path, folder):
    with pytest.raises(InputError, match="is one file, expected rows and labels: a folder with"):
        data.load(folder / "x.npy", "a", tmp_path / "a")
    with pytest.raises(InputError, match=r"gone\.npy can't be read"):
        data.load((folder / "gone.npy", folder / "y.npy"), "a", tmp_path / "a")
    with pytest.raises(InputError, match="leave the format out"):
        data.load((folder / "x.npy", folder / "y.npy"), "a", tmp_path / "a", format="csv")
    np.save(folder / "y.npy", np.array([None] * 20), allow_pickle=True)
    with pytest.raises(DataError, match="dtype object"):
        data.load(folder, "a", tmp_path / "a")
    (folder / "y.npy").write_text("1,2,3")
    with pytest.raises(DataError, match=r"no \.npy file"):
        data.load(folder, "a", tmp_path / "a")
    (folder / "y.npy").unlink()
    with pytest.raises(InputError, match="has the names x; expected"):
        data.load(folder, "a", tmp_path / "a")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("length", [0, 5, 60, 200])
def test_truncated(tmp_path, folder, length):
    path = folder / "x.npy"
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises((DataError, InputError), match=r"x\.npy is (damaged|empty|no \.npy)|x\.npy is no"):
        data.load(folder, "a", tmp_path / "a")


@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_no_whole_copy_in_memory(tmp_path, folder, dtype):
    """128 MB of rows are loaded and sharded with a few blocks in memory."""
    pixels = 2**27 // np.dtype(dtype).itemsize // 2048
    x = np.lib.format.open_memmap(folder / "x.npy", "w+", dtype, (2048, pixels // 64, 64))
    x[::7] = 200
    np.save(folder / "y.npy", np.arange(2048) % 3)
    del x
    tracemalloc.start()
    try:
        dataset = data.load(folder, "big", tmp_path / "big")
        for by in ("range", "round_robin", "stratified", "hash"):
            data.shard(dataset, tmp_path / "shards", num_shards=2, by=by)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40e6
    assert dataset.splits["train"] == 1638
    assert data.open_split(dataset, "train")[0].max() == 200


@pytest.mark.parametrize("by", ["range", "round_robin", "stratified"])
def test_these_ways_read_no_rows(tmp_path, folder, by):
    from lepton_lab.data._assign import Cut, assign

    class Untouchable(np.ndarray):
        def __getitem__(self, key):
            raise AssertionError("rows were read")

    dataset = data.load(folder, "a", tmp_path / "a", test_share=0)
    assigned = assign(by, Cut(dataset, X.view(Untouchable), Y, 4, None, 0.5, 0))
    assert (np.bincount(assigned) == 5).all()
