"""What ranks report adds up, whatever the order in which it arrives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lepton_lab.events import EpochEnded, RunProgress
from lepton_lab.train._job import Job
from lepton_lab.train._scoreboard import Scoreboard
from lepton_lab.types import Dataset, Shard, ShardSet, Target


@pytest.fixture
def job(tmp_path: Path) -> Job:
    target = Target("classes", classes=("a", "b"))
    return Job(
        run="r-1",
        model_file=tmp_path,
        output=tmp_path,
        logs=tmp_path,
        epochs=2,
        batch_size=10,
        optimizer="adam",
        learning_rate=0.1,
        loss="mse",
        seed=0,
        shards=ShardSet("d", tmp_path, "range", (Shard(0, tmp_path, 40, 40, "x"),)),
        dataset=Dataset("d", tmp_path, "here", {"train": 40}, (1,), "float32", target),
    )


def event(rank: int, epoch: int, step: int, time: float, loss: float = 1.0) -> dict[str, Any]:
    examples = step * 5.0
    return {
        "type": "progress",
        "rank": rank,
        "epoch": epoch,
        "step": step,
        "time": time,
        "seconds": step * 1.0,
        "loss": loss * examples,
        "metric": 0.5 * examples,
        "examples": examples,
    }


def test_sums_of_all_ranks(job: Job, tmp_path: Path) -> None:
    heard: list[Any] = []
    board = Scoreboard(job, ("w0", "w1"), heard.append, tmp_path / "metrics.jsonl")
    board.hear({"type": "joining", "rank": 0})
    board.hear(event(0, 1, 4, 104.0, loss=1.0))
    assert heard == []  # not before every rank was heard
    board.hear(event(0, 2, 1, 105.0))  # ahead of its peer
    board.hear(event(1, 1, 4, 104.5, loss=3.0))
    board.hear(event(1, 2, 4, 108.5, loss=3.0))
    board.hear(event(0, 2, 4, 108.0, loss=1.0))
    assert board.complete.is_set()
    assert [e.epoch for e in heard if isinstance(e, EpochEnded)] == [1, 2]
    assert board.history["examples"] == [40.0, 40.0]
    assert board.history["loss"] == [2.0, 2.0]
    last = [e for e in heard if isinstance(e, RunProgress)][-1]
    assert last.rates == {"w0": pytest.approx(5.0), "w1": pytest.approx(5.0)}
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch_end"] for line in lines if "epoch_end" in line] == [1, 2]


def test_reports_that_come_in_a_bunch_do_not_look_like_speed(job: Job, tmp_path: Path) -> None:
    heard: list[Any] = []
    board = Scoreboard(job, ("w0",), heard.append, tmp_path / "metrics.jsonl")
    for step in range(1, 5):
        board.hear(event(0, 1, step, 100.0 + step / 1000))
    assert all(e.rates["w0"] == pytest.approx(5.0) for e in heard if isinstance(e, RunProgress))
