"""What the ranks' reports become."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lepton_lab.events import EpochEnded, RunChanged, RunNote, RunProgress
from lepton_lab.train import _scoreboard
from lepton_lab.train._scoreboard import Scoreboard


@pytest.fixture
def told() -> list[Any]:
    return []


@pytest.fixture
def board(told: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scoreboard:
    monkeypatch.setattr(_scoreboard, "PUBLISH_SECONDS", 0.0)
    job: Any = SimpleNamespace(run="run-1", epochs=2, steps=10)
    board = Scoreboard(job, told.append)
    board.restart(1, ("w0", "w1"), {})
    return board


def report(rank: int, step: int, at: float, epoch: int = 1, generation: int = 1, **more: Any) -> dict[str, Any]:
    event = {
        "type": "progress",
        "rank": rank,
        "generation": generation,
        "epoch": epoch,
        "step": step,
        "examples": 32.0 * (step + 10 * (epoch - 1)),
        "busy": 0.01,
        "memory": 1000 + rank,
        "seconds": 0.1 * step,
        "time": at,
    }
    first = {"means": {"loss": 0.5, "accuracy": 0.75}, "learning_rate": 0.01}
    return event | (first if rank == 0 else {}) | more


def test_a_conversion_is_a_state(board: Scoreboard, told: list[Any]) -> None:
    board.hear({"type": "converting", "converts": False, "rank": 0, "generation": 1})
    board.hear({"type": "converting", "converts": True, "rank": 1, "generation": 1})
    assert not told
    board.hear({"type": "converting", "converts": True, "rank": 0, "generation": 1})
    assert isinstance(told[0], RunChanged) and told[0].state == "converting"


def test_progress_of_all_ranks(board: Scoreboard, told: list[Any]) -> None:
    for step in (1, 3, 5):
        for rank in (0, 1):
            board.hear(report(rank, step, at=1000.0 + step))
    progress = told[-1]
    assert isinstance(progress, RunProgress)
    assert (progress.epoch, progress.step, progress.loss, progress.metrics) == (1, 5, 0.5, {"accuracy": 0.75})
    assert progress.rates == {"w0": 32.0, "w1": 32.0}
    assert progress.memory == {"w0": 1000, "w1": 1001}
    assert progress.learning_rate == 0.01
    assert progress.remaining == pytest.approx(15.0)  # a step a second, 15 of 20 to go
    assert board.rate() == 64.0


def test_nothing_is_said_before_all_ranks_have_begun(board: Scoreboard, told: list[Any]) -> None:
    board.hear(report(0, 1, at=1.0))
    assert told == []
    assert not board.has_progressed
    board.hear(report(1, 1, at=1.0))
    assert board.has_progressed


def test_an_epochs_end_is_told_before_a_slow_ranks_first_report(board: Scoreboard, told: list[Any]) -> None:
    board.hear(report(0, 10, at=1.0, learning_rate=0.1))
    board.hear(report(0, 10, at=2.0, epoch=2, learning_rate=0.06))
    assert not board.has_progressed
    board.hear(report(1, 10, at=3.0, epoch=2))
    assert [(each.epoch, each.learning_rate, list(each.memory)) for each in told] == [
        (1, 0.1, ["w0"]),
        (2, 0.06, ["w0"]),
    ]


def test_older_generations_are_not_heard(board: Scoreboard, told: list[Any]) -> None:
    board.restart(2, ("w0",), {"loss": (0.9,)})
    board.hear(report(0, 1, at=1.0, generation=1))
    board.hear({"type": "epoch", "rank": 0, "generation": 1, "epoch": 2, "logs": {"loss": 0.1}})
    assert told == []
    assert board.snapshot() == {"loss": (0.9,)}


def test_epochs_make_the_history(board: Scoreboard, told: list[Any]) -> None:
    board.hear({"type": "epoch", "rank": 0, "generation": 1, "epoch": 1, "logs": {"loss": 0.5, "seconds": 2.0}})
    assert told == [EpochEnded("run-1", 1, {"loss": 0.5, "seconds": 2.0}, time=told[0].time)]
    assert board.snapshot() == {"loss": (0.5,), "seconds": (2.0,)}


def test_a_straggler_is_named_once(board: Scoreboard, told: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_scoreboard, "STRAGGLES_SECONDS", 0.0)
    for step in range(1, 6):
        time.sleep(0.002)
        board.hear(report(0, step, at=1000.0 + step))
        board.hear(report(1, step, at=1000.0 + step, busy=0.03))
    [note] = [event for event in told if isinstance(event, RunNote)]
    assert "Worker w1 is a straggler" in note.message
    assert "30.0 ms" in note.message


def test_a_slow_moment_is_no_straggler(board: Scoreboard, told: list[Any]) -> None:
    for step in range(1, 6):
        board.hear(report(0, step, at=1000.0 + step))
        board.hear(report(1, step, at=1000.0 + step, busy=0.03 if step == 3 else 0.01))
    assert not [event for event in told if isinstance(event, RunNote)]


def test_the_last_word(board: Scoreboard) -> None:
    board.hear({"type": "last", "rank": 1, "generation": 1})
    assert not board.is_complete
    board.hear({"type": "last", "rank": 0, "generation": 1})
    assert board.is_complete


def test_a_loss_is_told_with_its_report_and_not_with_the_next_of_another(
    board: Scoreboard, told: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for rank in (0, 1):
        board.hear(report(rank, 1, at=1001.0))
    monkeypatch.setattr(_scoreboard, "PUBLISH_SECONDS", 0.05)
    time.sleep(0.06)
    board.hear(report(1, 3, at=1003.0))
    assert told[-1].step == 1
    assert len(told) == 1
    board.hear(report(0, 3, at=1003.0, means={"loss": 0.25}))
    assert (told[-1].step, told[-1].loss) == (3, 0.25)
