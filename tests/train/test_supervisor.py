"""Whom a supervisor takes for slow, and whom for hanging."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lepton_lab import forkserver
from lepton_lab.train import _supervisor
from lepton_lab.train._job import Seat
from lepton_lab.train._supervisor import Outcome


def compute(channel: Any, kind: str, seconds: float) -> dict[str, str]:
    channel.send("event", {"type": kind, "converts": True})
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    return {"done": kind}


def sleep(channel: Any, kind: str, seconds: float) -> dict[str, str]:
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    channel.send("event", {"type": kind, "converts": True})
    time.sleep(seconds)
    return {"done": kind}


def sleep_after_callbacks(channel: Any, kind: str, seconds: float) -> dict[str, str]:
    for each in (kind, "callbacks"):
        channel.send("event", {"type": each})
    return sleep(channel, "called", seconds)


def abort(channel: Any, kind: str, seconds: float) -> None:
    channel.send("event", {"type": kind, "converts": True})
    os.abort()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("PATIENCE", "TRACE_SECONDS", "ALONE_SECONDS", "WATCH_SECONDS"):
        monkeypatch.setattr(_supervisor, name, 0.3)
    yield


def follow(work: Any, kind: str, seconds: float, rank: int = 0) -> Outcome:
    child = forkserver.Child(f"{__name__}:{work.__name__}", {"kind": kind, "seconds": seconds})
    seat = Seat(rank, "w0", ("127.0.0.1:1",), 1)
    try:
        return _supervisor._follow(child, seat, lambda event: None, lambda: True, False)
    finally:
        child.close()


@pytest.mark.parametrize("kind", ["joined", "pulse", "converting"])
def test_a_rank_that_computes_is_slow(impatient: None, kind: str) -> None:
    assert follow(compute, kind, 1.5).result == {"done": kind}


@pytest.mark.parametrize(
    ("kind", "what"),
    [("joined", "to take its first step"), ("converting", "to convert and write"), ("callbacks", "in its callbacks")],
)
def test_a_rank_that_does_nothing_hangs(impatient: None, kind: str, what: str) -> None:
    outcome = follow(sleep, kind, 60)
    assert what in str(outcome.error) and not outcome.is_final


@pytest.mark.parametrize("kind", ["converting", "callbacks"])
def test_a_rank_that_waits_for_the_first_does_not(impatient: None, kind: str) -> None:
    assert follow(sleep, kind, 1.5, rank=1).result == {"done": kind}


def test_a_rank_that_does_nothing_after_its_callbacks_hangs(impatient: None) -> None:
    outcome = follow(sleep_after_callbacks, "pulse", 60, rank=1)
    assert "to go on" in str(outcome.error) and not outcome.is_final


def test_one_that_computes_for_ever_is_ended(impatient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_supervisor, "BUSY_SECONDS", 1.0)
    assert "was killed" in str(follow(compute, "pulse", 60).error)


def test_a_crash_while_converting_is_not_tried_again(impatient: None, tmp_path: Path) -> None:
    outcome = follow(abort, "converting", 0)
    assert outcome.is_final and "SIGABRT to convert and write the model: a library" in str(outcome.error)
    assert not follow(abort, "pulse", 0).is_final
