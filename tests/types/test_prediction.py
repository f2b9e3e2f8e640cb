from pathlib import Path

import numpy as np
import pytest

from lepton_lab.types import Prediction


def made(folder: Path, answers: list[list[float]], names: tuple[str, ...], *preview: tuple[object, ...]) -> Prediction:
    np.save(folder / "a.npy", np.asarray(answers, np.float32))
    return Prediction("m", "d/test", folder / "a.npy", len(answers), 0.5, (), names, preview)


def test_classes_and_their_names(tmp_path: Path) -> None:
    found = made(tmp_path, [[0.1, 0.9], [0.7, 0.3]], ("cat", "dog"), (0, "dog", "0.9000", "cat"))
    assert found.classes is not None and found.classes.tolist() == [1, 0]
    assert found.names is not None and found.names.tolist() == ["dog", "cat"]
    assert isinstance(found.answers, np.memmap) and found.rate == 4
    text = str(found)
    assert "row  class  probability  label" in text and "... and 1 more" in text
    assert "2 rows in 0.5 s, 4 rows/s, in one process of this host" in text


def test_one_number_is_the_second_classes_probability(tmp_path: Path) -> None:
    found = made(tmp_path, [[0.2], [0.8]], ("no", "yes"))
    assert found.names is not None and found.names.tolist() == ["no", "yes"]


def test_numbers_have_no_classes(tmp_path: Path) -> None:
    found = made(tmp_path, [[1.5]], (), (0, "1.5"))
    assert found.classes is None and found.names is None
    assert "row  answer\n" in str(found)


def test_a_file_that_was_removed(tmp_path: Path) -> None:
    found = made(tmp_path, [[1.5]], (), (0, "1.5"))
    found.path.unlink()
    assert "1.5" in str(found)
    with pytest.raises(FileNotFoundError):
        found.answers  # noqa: B018
