import dataclasses
from pathlib import Path

import numpy as np
import pytest

from lepton_lab.errors import DataError, UnknownNameError
from lepton_lab.runtime import open_rows
from lepton_lab.types import Dataset
from tests.models_fixture import truncate, write_split


def test_rows_are_memory_mapped(digits: Dataset) -> None:
    x, y = open_rows(digits, "test")
    assert isinstance(x, np.memmap) and x.shape == (597, 8, 8, 1) and y.shape == (597,)


def test_an_unknown_split_names_those_that_exist(digits: Dataset) -> None:
    with pytest.raises(UnknownNameError, match=r"no split 'tset'.*mean 'test'.*has train, test"):
        open_rows(digits, "tset")


def test_rows_cut_short_are_a_data_error(digits: Dataset, tmp_path: Path) -> None:
    write_split(tmp_path / "train", np.zeros((9, 8, 8, 1), "uint8"), np.zeros(9, "int64"))
    truncate(tmp_path / "train" / "x.npy")
    with pytest.raises(DataError, match=r"Rows in .* can't be read"):
        open_rows(dataclasses.replace(digits, folder=tmp_path), "train")


@pytest.mark.parametrize(("rows", "targets"), [(0, 0), (4, 3)])
def test_no_rows_or_a_wrong_number_of_targets(digits: Dataset, tmp_path: Path, rows: int, targets: int) -> None:
    write_split(tmp_path / "train", np.zeros((rows, 8, 8, 1), "uint8"), np.zeros(targets, "int64"))
    with pytest.raises(DataError, match=f"{rows} rows and {targets} targets"):
        open_rows(dataclasses.replace(digits, folder=tmp_path), "train")
