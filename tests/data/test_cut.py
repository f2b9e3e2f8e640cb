from pathlib import Path

import numpy as np
import pytest

from lepton_lab import data
from lepton_lab.errors import InputError


def load(folder: Path, **more: object) -> data.Rows:
    x = np.arange(300, dtype="float32").reshape(100, 3)
    return data.load((x, np.arange(100) % 4), "d", folder, **more)  # type: ignore[return-value]


def test_training_rows_are_cut_and_the_test_split_is_not_touched(tmp_path: Path) -> None:
    whole = load(tmp_path / "d")
    (whole.folder / "test" / "x.npy").write_bytes(b"unreadable")  # type: ignore[attr-defined]
    made = data.cut(whole, "c", tmp_path / "c", share=0.25)  # type: ignore[arg-type]
    assert made.splits == {"train": 60, "test": 20} and made.cut_from == "d"
    rows = {split: data.open_split(made, split) for split in made.splits}
    together = np.concatenate([rows["train"][0], rows["test"][0]])
    original = np.load(tmp_path / "d" / "train" / "x.npy")
    np.testing.assert_array_equal(np.sort(together, axis=0), original)
    assert np.bincount(rows["test"][1]).tolist() == [5, 5, 5, 5]
    assert data.read(tmp_path / "c") == made


def test_rows_by_their_numbers_with_their_weights(tmp_path: Path) -> None:
    whole = load(tmp_path / "d", weights=np.linspace(0.5, 2, 100), test_share=0.0)
    made = data.cut(whole, "c", tmp_path / "c", held=np.array([7, 3]))  # type: ignore[arg-type]
    assert data.open_split(made, "test")[0][:, 0].tolist() == [9, 21]
    weights = np.load(tmp_path / "c" / "train" / "w.npy")
    assert len(weights) == 98 and weights[3] == pytest.approx(np.linspace(0.5, 2, 100)[4])


@pytest.mark.parametrize("held", [np.arange(80), np.arange(0)])
def test_no_rows_for_one_of_both(tmp_path: Path, held: np.ndarray) -> None:
    whole = load(tmp_path / "d")
    with pytest.raises(InputError, match="80 training rows, of which none would be for"):
        data.cut(whole, "c", tmp_path / "c", held=held)  # type: ignore[arg-type]
    assert not (tmp_path / "c").exists()
