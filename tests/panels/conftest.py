"""A lab that is nothing but its events, and events that look like a cluster at work."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from lepton_lab.events import Bus, EpochEnded, Event, GpuLoad, RunChanged, RunProgress, WorkerLoad


@dataclass
class Events:
    """All that a panel needs of a lab."""

    events: Bus = field(default_factory=Bus)


@pytest.fixture
def lab() -> Events:
    return Events()


def loads(
    num_workers: int, seconds: float, rate: float = 1.0, num_gpus: int = 0, start: float = 1e9
) -> Iterator[WorkerLoad]:
    """What the workers of a cluster tell about their load, seeded."""
    random_numbers = random.Random(0)
    for i in range(int(seconds * rate)):
        for worker in range(num_workers):
            gpus = tuple(GpuLoad("H200", 100 * random_numbers.random(), 10**9, 141 * 10**9) for _ in range(num_gpus))
            yield WorkerLoad(
                f"w{worker}",
                200 * random_numbers.random(),
                10**9 + worker,
                4 * 10**9,
                1e5,
                2e5,
                gpus,
                time=start + i / rate,
            )


def training(
    run: str = "cnn-1", epochs: int = 3, steps: int = 10, start: float = 1e9, end: str = "done"
) -> Iterator[Event]:
    """What a run on two workers tells, seeded; a step takes a fifth of a second."""
    random_numbers, now = random.Random(0), start
    yield RunChanged(run, "running", time=now)
    for epoch in range(1, epochs + 1):
        for step in range(1, steps + 1):
            now += 0.2
            yield RunProgress(
                run,
                epoch,
                epochs,
                step,
                steps,
                loss=1 / epoch + 0.01 * random_numbers.random(),
                metrics={"accuracy": 1 - 0.5 / epoch},
                rates={"w0": 2000.0, "w1": 2100.0},
                remaining=0.2 * (steps * epochs - step),
                time=now,
            )
        yield EpochEnded(
            run,
            epoch,
            {
                "loss": 1 / epoch,
                "accuracy": 0.9,
                "val_loss": 1.1 / epoch,
                "val_accuracy": 0.8,
                "seconds": 2.0,
                "examples": 1437,
            },
            time=now,
        )
    if end:
        yield RunChanged(run, end, time=now)
