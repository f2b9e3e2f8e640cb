import json
import shutil
from dataclasses import replace

import pytest

from lepton_lab import data
from lepton_lab.errors import DataError, InputError


@pytest.fixture
def copy(digits, tmp_path):
    shutil.copytree(digits.folder, tmp_path / "copy")
    return tmp_path / "copy"


def test_read_gives_what_load_gave(digits):
    again = data.read(digits.folder)
    assert again == digits
    assert list(again.splits) == ["train", "test"]


def test_a_moved_folder(copy):
    dataset = data.read(copy)
    assert dataset.folder == copy
    assert len(data.open_split(dataset, "test")[1]) == 359


def test_rows_are_mapped_and_read_only(digits):
    x, y = data.open_split(digits, "train")
    assert x.shape == (1438, 8, 8, 1)
    assert y.shape == (1438,)
    with pytest.raises(ValueError, match="read-only"):
        x[0] = 1


def test_no_such_split(digits):
    with pytest.raises(DataError, match="no split 'valid', only train, test"):
        data.open_split(digits, "valid")


def test_no_data_set(tmp_path):
    with pytest.raises(InputError, match="holds no data set"):
        data.read(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", json.dumps({"format": 1}), json.dumps({"format": 99})])
def test_damaged_record(copy, content):
    (copy / "dataset.json").write_text(content)
    with pytest.raises(DataError, match=r"dataset\.json .*load the data set again"):
        data.read(copy)


def test_missing_rows(copy):
    (copy / "train" / "x.npy").unlink()
    with pytest.raises(DataError, match=r"x.npy is missing"):
        data.open_split(data.read(copy), "train")


@pytest.mark.parametrize("length", [0, 20, 5000])
def test_truncated_rows(copy, length):
    path = copy / "train" / "x.npy"
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DataError, match=r"x.npy is damaged"):
        data.open_split(data.read(copy), "train")


def test_rows_of_another_split(copy):
    shutil.copy(copy / "test" / "x.npy", copy / "train" / "x.npy")
    with pytest.raises(DataError, match=r"has shape \(359, 8, 8, 1\), its record says \(1438, 8, 8, 1\)"):
        data.open_split(data.read(copy), "train")


def test_a_record_of_the_first_version(digits, copy, tmp_path):
    shards = data.shard(digits, tmp_path / "shards", num_shards=2)
    for path, added in (
        (copy / "dataset.json", ("inputs", "targets", "weighted")),
        (tmp_path / "shards" / "shards.json", ("weighted",)),
    ):
        record = json.loads(path.read_text())
        path.write_text(json.dumps({key: value for key, value in record.items() if key not in added}))
    record = json.loads((copy / "dataset.json").read_text())
    del record["target"]["width"]
    (copy / "dataset.json").write_text(json.dumps(record))
    assert data.read(copy) == replace(digits, folder=copy)
    assert data.read_shards(tmp_path / "shards") == shards
