from pathlib import Path

import numpy as np
import pytest

from lepton_lab.errors import InputError
from lepton_lab.evaluate import Work, begin
from lepton_lab.types import Model


def work_of(model: Model, folder: Path, num_rows: int, batch_size: int | None = None) -> Work:
    np.save(folder / "rows.npy", np.zeros((num_rows, *model.input_shape), np.uint8))
    return begin(model, folder / "rows.npy", num_rows, folder / "answers.npy", batch_size)


@pytest.mark.parametrize("num_rows", [1, 6, 7, 8, 500, 501])
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_batches_are_the_same_however_many_workers(cnn: Model, tmp_path: Path, num_rows: int, workers: int) -> None:
    work = work_of(cnn, tmp_path, num_rows, 7)
    batches = [batch for piece in work.pieces(workers) for batch in work.batches(piece)]
    assert batches == [slice(start, min(start + 7, num_rows)) for start in range(0, num_rows, 7)]


def test_every_worker_has_several_pieces_and_none_is_very_long(cnn: Model, tmp_path: Path) -> None:
    assert len(work_of(cnn, tmp_path, 1000, 10).pieces(2)) >= 10
    assert max(map(len, work_of(cnn, tmp_path, 50_000, 10).pieces(1))) == 640


def test_large_rows_go_in_fewer_at_once(cnn: Model, tmp_path: Path) -> None:
    from dataclasses import replace

    assert work_of(cnn, tmp_path, 3).batch_size == 512
    assert work_of(replace(cnn, input_shape=(224, 224, 3)), tmp_path, 3).batch_size == 27


def test_the_file_is_there_with_room_for_all_answers(cnn: Model, tmp_path: Path) -> None:
    work = work_of(cnn, tmp_path, 1000)
    status = work.answers_file.stat()
    assert status.st_blocks * 512 >= status.st_size > 1000 * 10 * 4
    assert np.load(work.answers_file).shape == (1000, 10)


def test_more_answers_than_the_disk_has_room_for(cnn: Model, tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.zeros((1, 8, 8, 1), np.uint8))
    with pytest.raises(InputError, match=r"The answers need 4000000\.0 TB in .*, but .* are free: make room there"):
        begin(cnn, tmp_path / "rows.npy", 10**17, tmp_path / "answers.npy")
    assert not (tmp_path / "answers.npy").exists()


def test_a_model_that_was_replaced(cnn: Model, tmp_path: Path) -> None:
    work = work_of(cnn, tmp_path, 5)
    work.check_unchanged()
    np.save(tmp_path / "rows.npy", np.zeros((6, 8, 8, 1), np.uint8))
    with pytest.raises(InputError, match=r"rows\.npy was replaced while 'cnn' answered: predict once more"):
        work.check_unchanged()
