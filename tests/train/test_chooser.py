"""`auto`: what is measured, and what follows from it."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from lepton_lab.train import _chooser
from lepton_lab.train._chooser import Chooser
from lepton_lab.types import WorkerInfo

WORKERS = [WorkerInfo(f"w{i}", f"tcp://a:{i}", "a", 1, 0) for i in range(3)]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MEASURE_SECONDS", "SETTLE_SECONDS", "LOOK_SECONDS"):
        monkeypatch.setattr(_chooser, name, 0.0)


def board(rate: float, left: float = 100.0) -> Any:
    return SimpleNamespace(has_progressed=True, rate=lambda: rate, remaining=lambda: left)


def ask(chooser: Chooser, layout: Any, board: Any, present: list[WorkerInfo]) -> str:
    for _ in range(3):  # the first looks begin to count
        time.sleep(0.002)
        if reason := chooser.change(layout, board, lambda: present):
            return reason
    return ""


@pytest.mark.parametrize(("rates", "strategy"), [((500.0, 400.0), "single"), ((400.0, 500.0), "multiworker")])
def test_takes_the_fastest(rates: tuple[float, float], strategy: str) -> None:
    notes: list[str] = []
    chooser = Chooser("auto", 2, notes.append)
    first = chooser.choose(WORKERS[:2])
    assert ask(chooser, first, board(rates[0]), WORKERS[:2]) == "multiworker (2 ranks) is measured next"
    second = chooser.choose(WORKERS[:2])
    reason = ask(chooser, second, board(rates[1]), WORKERS[:2])
    assert bool(reason) == (strategy == "single")
    assert chooser.choose(WORKERS[:2]).strategy == strategy
    [note] = notes
    assert "single (2 threads)" in note
    assert f"{rates[0]:,.0f} examples/s" in note
    assert f"{rates[1]:,.0f} examples/s" in note
    assert "the fastest" in note
    assert ask(chooser, chooser.choose(WORKERS[:2]), board(1.0), WORKERS[:2]) == ""  # decided once


def test_little_left_is_not_worth_a_change() -> None:
    notes: list[str] = []
    chooser = Chooser("auto", None, notes.append)
    layout = chooser.choose(WORKERS)
    assert ask(chooser, layout, board(500.0, left=3.0), WORKERS) == ""
    assert "only 3.0 s are left" in notes[0]


def test_workers_that_come_are_taken_in() -> None:
    chooser = Chooser("multiworker", None, print)
    layout = chooser.choose(WORKERS[:1])
    assert ask(chooser, layout, board(500.0), WORKERS[:1]) == ""
    assert ask(chooser, layout, board(500.0), WORKERS[:2]) == "w1 came"
    assert chooser.choose(WORKERS[:2]).workers == ("w0", "w1")


def test_workers_beyond_the_limit_change_nothing() -> None:
    chooser = Chooser("multiworker", 1, print)
    layout = chooser.choose(WORKERS[:1])
    assert ask(chooser, layout, board(500.0), WORKERS) == ""


def test_what_was_chosen_goes_with_its_workers() -> None:
    chooser = Chooser("multiworker", None, print)
    assert chooser.choose(WORKERS).workers == ("w0", "w1", "w2")
    assert chooser.choose(WORKERS[1:]).workers == ("w1", "w2")
