import json
import shutil
import time

import numpy as np
import pytest

from lepton_lab import data
from lepton_lab.errors import DataError, InputError
from lepton_lab.events import Progress
from lepton_lab.files import checksum, read_json, write_json


@pytest.mark.parametrize("by", data.SHARDINGS)
def test_every_train_row_is_in_one_shard(digits, tmp_path, by):
    shards = data.shard(digits, tmp_path / "shards", by=by, num_shards=5)
    rows = data.open_rows(shards)
    x, y = rows.take(np.arange(len(rows)))
    expected_x, expected_y = data.open_split(digits, "train")
    ours = sorted((label, row.tobytes()) for row, label in zip(x, y, strict=True))
    assert ours == sorted((label, row.tobytes()) for row, label in zip(expected_x, expected_y, strict=True))


def test_what_is_written(digits, tmp_path):
    shards = data.shard(digits, tmp_path / "shards", num_shards=3)
    assert sorted(path.name for path in (tmp_path / "shards").iterdir()) == [
        "shard-00000",
        "shard-00001",
        "shard-00002",
        "shards.json",
    ]
    for shard in shards.shards:
        files = shard.folder / "x.npy", shard.folder / "y.npy"
        assert shard.num_bytes == sum(file.stat().st_size for file in files)
        assert shard.checksum == checksum(*files)
        assert len(np.load(files[1])) == shard.rows
    assert shards.num_rows == 1438


def test_read_gives_what_shard_gave(digits, tmp_path):
    shards = data.shard(digits, tmp_path / "shards", num_shards=3)
    assert data.read_shards(tmp_path / "shards") == shards


def test_a_moved_folder(digits, tmp_path):
    data.shard(digits, tmp_path / "shards", num_shards=3)
    shutil.move(tmp_path / "shards", tmp_path / "elsewhere")
    assert len(data.open_rows(data.read_shards(tmp_path / "elsewhere"))) == 1438


def test_places_are_saved(digits, tmp_path):
    shards = data.place(data.shard(digits, tmp_path / "shards", num_shards=4), {"w0": 1.0, "w1": 1.0})
    data.save_shards(shards)
    assert data.read_shards(tmp_path / "shards") == shards


def test_how_many_copies_are_wanted_is_kept(digits, tmp_path):
    assert data.read_shards(data.shard(digits, tmp_path / "any", num_shards=4).folder).replicas is None
    assert data.read_shards(data.shard(digits, tmp_path / "two", num_shards=4, replicas=2).folder).replicas == 2
    record = read_json(tmp_path / "any" / "shards.json")
    del record["replicas"]  # as earlier versions wrote it
    write_json(tmp_path / "any" / "shards.json", record)
    assert data.read_shards(tmp_path / "any").replicas == 1


@pytest.mark.parametrize("options", [{"by": "hsah"}, {"num_shards": 0}, {"num_shards": 9999}, {"key": "a"}])
def test_refused_without_a_trace(digits, tmp_path, snapshot, options):
    data.shard(digits, tmp_path / "shards", num_shards=3)
    before = snapshot(tmp_path)
    with pytest.raises(InputError):
        data.shard(digits, tmp_path / "shards", **options)
    with pytest.raises(InputError):
        data.shard(digits, tmp_path / "new", **options)
    assert snapshot(tmp_path) == before
    assert not (tmp_path / "new").exists()


def test_sharding_again_replaces(digits, tmp_path):
    data.shard(digits, tmp_path / "shards", num_shards=6)
    data.shard(digits, tmp_path / "shards", num_shards=2, by="range")
    assert len(list((tmp_path / "shards").glob("shard-*"))) == 2


def test_no_shards(tmp_path):
    with pytest.raises(InputError, match="holds no shards"):
        data.read_shards(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", json.dumps({"format": 1}), json.dumps({"format": 2})])
def test_damaged_record(tmp_path, content):
    (tmp_path / "shards.json").write_text(content)
    with pytest.raises(DataError, match="shard the data set again"):
        data.read_shards(tmp_path)


def test_progress(digits, tmp_path):
    events = []
    data.shard(digits, tmp_path / "shards", report=events.append)
    assert all(isinstance(event, Progress) for event in events)
    assert events[-1].fraction == 1.0


def test_mnist_is_quick(mnist_folder, tmp_path):
    dataset = data.load(mnist_folder, "mnist", tmp_path / "mnist")
    started = time.perf_counter()
    shards = data.shard(dataset, tmp_path / "shards", by="hash")
    assert time.perf_counter() - started < 10  # 0.3 s on a quiet machine; this catches a loop in Python over pixels
    assert shards.num_rows == dataset.splits["train"]
