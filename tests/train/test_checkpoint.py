"""Checkpoints on disk: whole or not there, and a damaged one is never taken."""

from __future__ import annotations

import errno
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton_lab.errors import DataError, InputError
from lepton_lab.train import _checkpoint
from lepton_lab.train._checkpoint import Place, Writer

PLACE = Place(3, 17, (1.5, 2.0), 4.0, {"loss": (0.5, 0.25)}, ({"wait": 2, "best": float("inf")},))


def arrays(value: float) -> dict[str, list[Any]]:
    many = [np.full(3, value + i, np.float32) for i in range(12)]  # more than ten: their order is not their names'
    return {"model": many, "optimizer": [np.int64(7)], "metrics": []}


def save(folder: Path, number: int, keep: int = 3) -> _checkpoint.Checkpoint:
    return _checkpoint.save(folder, number, PLACE, arrays(number), "order", keep)


def complain_not(message: str) -> None:
    raise AssertionError(message)


def test_comes_back_as_it_was(tmp_path: Path) -> None:
    save(tmp_path, 5)
    checkpoint = _checkpoint.latest(tmp_path, complain_not)
    assert checkpoint is not None
    assert (checkpoint.number, checkpoint.place, checkpoint.order) == (5, PLACE, "order")
    loaded = _checkpoint.load(checkpoint)
    assert [a.tolist() for a in loaded["model"]] == [a.tolist() for a in arrays(5)["model"]]
    assert loaded["optimizer"][0] == 7


def test_keeps_the_latest(tmp_path: Path) -> None:
    for number in (1, 2, 30, 4, 100_000):
        save(tmp_path, number, keep=2)
    assert sorted(int(path.stem) for path in tmp_path.iterdir()) == [30, 30, 100_000, 100_000]


@pytest.mark.parametrize("how", ["flip", "cut", "gone", "record", "other"])
def test_a_damaged_one_is_passed_over_with_a_word(tmp_path: Path, how: str) -> None:
    save(tmp_path, 1)
    last = save(tmp_path, 2).file
    content = bytearray(last.read_bytes())
    if how == "flip":
        content[40] ^= 1
        last.write_bytes(content)
    elif how == "cut":
        last.write_bytes(content[:-10])
    elif how == "gone":
        last.unlink()
    elif how == "record":
        last.with_suffix(".json").write_text('{"format": 1, "pla')
    else:
        record = json.loads(last.with_suffix(".json").read_text())
        last.with_suffix(".json").write_text(json.dumps(record | {"format": 99}))
    words: list[str] = []
    checkpoint = _checkpoint.latest(tmp_path, words.append)
    assert checkpoint is not None
    assert checkpoint.number == 1
    assert len(words) == 1
    assert "0000000002 is damaged" in words[0]
    with pytest.raises(DataError):
        _checkpoint.verify(last.with_suffix(".json"))


def test_none(tmp_path: Path) -> None:
    assert _checkpoint.latest(tmp_path / "nowhere", complain_not) is None
    _checkpoint.fits(tmp_path, "any")


def test_rows_in_another_order_are_refused(tmp_path: Path) -> None:
    save(tmp_path, 1)
    _checkpoint.fits(tmp_path, "order")
    with pytest.raises(InputError, match="not those that the run began with"):
        _checkpoint.fits(tmp_path, "another")


def test_what_was_cut_short_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, 1)

    def fill_up(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", fill_up)
    words: list[str] = []
    writer = Writer(tmp_path, "order", 3, 0.0, words.append)
    writer.write(2, PLACE, arrays(2))
    writer.wait()
    assert len(words) == 1
    assert "the disk is full" in words[0]
    checkpoint = _checkpoint.latest(tmp_path, complain_not)
    assert checkpoint is not None
    assert checkpoint.number == 1
    assert len(list(tmp_path.iterdir())) == 2


def test_is_due_by_time_and_never_two_at_once(tmp_path: Path) -> None:
    writer = Writer(tmp_path, "order", 3, 0.05, complain_not)
    assert not writer.is_due
    time.sleep(0.06)
    assert writer.is_due
    writer.write(1, PLACE, arrays(1))
    assert not writer.is_due
    writer.wait()
    assert _checkpoint.latest(tmp_path, complain_not) is not None
