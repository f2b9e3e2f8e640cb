import numpy as np
import pytest

from lepton_lab.data._blocks import BLOCK_BYTES, Part, Record, blocks, write_npy
from lepton_lab.types import fields


def test_all_rows_in_order_whatever_their_size():
    for row in (8, BLOCK_BYTES // 3, BLOCK_BYTES * 2):
        x = np.zeros((10, row // 8), np.int64)
        x[:, 0] = np.arange(10)
        read = list(blocks(x))
        assert np.concatenate([block[:, 0] for block in read]).tolist() == list(range(10))
        assert all(len(block) == 1 or block.nbytes <= BLOCK_BYTES for block in read)


@pytest.mark.parametrize("rows", [None, np.array([7, 2, 2]), np.array([], int)])
def test_a_part_is_written_as_numpy_would(tmp_path, rows):
    x = np.random.default_rng(0).random((9, 3, 2))
    write_npy(tmp_path / "x.npy", Part(x, np.dtype(np.float32), rows))
    chosen = x if rows is None else x[rows]
    np.save(tmp_path / "plain.npy", chosen.astype(np.float32))
    assert (tmp_path / "x.npy").read_bytes() == (tmp_path / "plain.npy").read_bytes()


def test_arrays_in_fortran_order_and_foreign_bytes(tmp_path):
    x = np.asfortranarray(np.arange(12.0).reshape(4, 3)).astype(">f8")
    write_npy(tmp_path / "x.npy", Part(x, np.dtype(np.float32)))
    assert (np.load(tmp_path / "x.npy") == np.arange(12.0).reshape(4, 3)).all()


def test_records_side_by_side(tmp_path):
    parts = {"image": np.arange(80, dtype=np.int64).reshape(5, 4, 4), "table": np.arange(10.0).reshape(5, 2)}
    rows = np.array([4, 0, 3])
    record = Record(
        {
            "image": Part(parts["image"], np.dtype(np.uint8), rows),
            "table": Part(parts["table"], np.dtype(np.float32), rows),
        }
    )
    counts = []
    write_npy(tmp_path / "x.npy", record, counts.append)
    apart = fields(np.load(tmp_path / "x.npy", mmap_mode="r"))
    assert list(apart) == ["image", "table"]
    assert all((apart[name] == parts[name][rows]).all() for name in parts)
    assert [array.dtype.name for array in apart.values()] == ["uint8", "float32"]
    assert sum(counts) == 3
