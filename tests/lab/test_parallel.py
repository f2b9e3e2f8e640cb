from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lepton_lab.errors import StoppedError
from lepton_lab.lab import STOP, Stop
from lepton_lab.lab._parallel import Work, on_workers


class Stage:
    """A lab of two workers whose runs go on until they are stopped."""

    def __init__(self) -> None:
        self.workers = [SimpleNamespace(name=f"w{n}") for n in range(2)]
        self.workspace = SimpleNamespace(folder=Path("workspace"))
        self.cluster = SimpleNamespace(
            handle=SimpleNamespace(sight=lambda folder: SimpleNamespace(seeing=tuple(self.workers)))
        )
        self.run = SimpleNamespace(active=lambda: list(self.runs.values()), stop=self.stop)
        self.runs: dict[str, Any] = {}
        self.ends: dict[str, threading.Event] = {}

    def stop(self, id: str) -> None:
        self.ends[id].set()

    def train(self, name: str) -> str:
        """As a trial does: something else first, then a run to its end."""
        time.sleep(0.5)
        self.ends[f"{name}-1"] = threading.Event()
        self.runs[f"{name}-1"] = SimpleNamespace(id=f"{name}-1")
        assert self.ends[f"{name}-1"].wait(20), "nobody stopped it"
        del self.runs[f"{name}-1"]
        return name


def test_a_run_that_begins_after_the_stop_is_stopped_too() -> None:
    stage, stop = Stage(), Stop()
    works = {name: Work(lambda workers, name=name: stage.train(name)) for name in ("a", "b", "c")}  # type: ignore[misc]
    token = STOP.set(stop)
    threading.Timer(0.2, stop).start()
    try:
        with pytest.raises(StoppedError, match="Stopped when 0 of 3 were done"):
            on_workers(stage, works, lambda name, value: None)  # type: ignore[arg-type]
    finally:
        STOP.reset(token)
    assert set(stage.ends) == {"a-1", "b-1"} and not stage.runs and not stop.is_heard


def test_pieces_wait_for_those_before_them() -> None:
    done: list[str] = []
    works = {
        "second": Work(lambda workers: "2", after="first"),
        "first": Work(lambda workers: (time.sleep(0.1), "1")[1]),
        "else": Work(lambda workers: "0"),
    }
    on_workers(Stage(), works, lambda name, value: done.append(value))  # type: ignore[arg-type]
    assert sorted(done) == ["0", "1", "2"] and done.index("1") < done.index("2")


def test_workers_that_come_and_go_meanwhile() -> None:
    stage, by = Stage(), dict[str, str]()
    first, second = stage.workers
    stage.workers = []

    def work(name: str, workers: tuple[str, ...]) -> str:
        by[name] = workers[0]
        if len(by) == 1:
            stage.workers = [second]
        time.sleep(0.05)
        return name

    threading.Timer(0.4, lambda: stage.workers.append(first)).start()
    works = {name: Work(lambda workers, name=name: work(name, workers)) for name in "abc"}  # type: ignore[misc]
    began = time.monotonic()
    on_workers(stage, works, lambda name, value: None)  # type: ignore[arg-type]
    assert time.monotonic() - began > 0.35
    assert by == {"a": "w0", "b": "w1", "c": "w1"}
