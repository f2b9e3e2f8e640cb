"""A lab that is nothing but its events, and events that look like a cluster at work."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lepton_lab.errors import InputError
from lepton_lab.events import AcceleratorLoad, Bus, EpochEnded, Event, RunChanged, RunProgress, WorkerLoad
from lepton_lab.types import Measure, Model, Schedule, Shard, ShardSet


@dataclass
class Data:
    """The shards that a lab has."""

    found: list[ShardSet] = field(default_factory=list)

    def shard_sets(self) -> list[ShardSet]:
        return self.found


@dataclass
class Models:
    """The models that a lab has."""

    found: dict[str, Model] = field(default_factory=dict)
    measured: dict[str, tuple[Measure, ...]] = field(default_factory=dict)

    def names(self) -> tuple[str, ...]:
        return tuple(self.found)

    def show(self, name: str) -> Model:
        return self.found[name]

    def measures(self) -> dict[str, tuple[Measure, ...]]:
        return self.measured


@dataclass
class Runs:
    """The runs that a lab has, by what they told."""

    told: dict[str, list[Event]] = field(default_factory=dict)

    def past(self, id: str | None = None) -> list[Event]:
        return self.told.get(id or next(reversed(self.told), ""), [])


@dataclass
class Events:
    """All that a panel needs of a lab."""

    events: Bus = field(default_factory=Bus)
    data: Data = field(default_factory=Data)
    model: Models = field(default_factory=Models)
    run: Runs = field(default_factory=Runs)
    last: Schedule | None = None

    def schedule(self) -> Schedule:
        if self.last is None:
            raise InputError("none yet")
        return self.last


@pytest.fixture
def lab() -> Events:
    return Events()


def shards_of(dataset: str, nodes: list[tuple[str, ...]]) -> ShardSet:
    """A shard of a hundred rows and a kilobyte for each of these places."""
    shards = [Shard(i, Path("/x"), 100, 1000, "0" * 64, places) for i, places in enumerate(nodes)]
    return ShardSet(dataset, Path("/x"), "hash", tuple(shards))


def model_of(
    name: str, folder: Path, stage: str = "trained", parent: str | None = None, accuracy: float = 0.9
) -> Model:
    """A model whose file has a thousand bytes."""
    folder.mkdir(exist_ok=True)
    (folder / "model.keras").write_bytes(bytes(1000))
    return Model(
        name,
        folder,
        "cnn",
        stage,
        "keras",
        (8, 8, 1),
        (10,),
        1234,
        parent=parent,
        made_by=f"%lepton compress {parent} quantize" if parent else "%lepton train cnn --data digits",
        earlier=("%lepton train cnn --data digits",) if parent else (),
        dataset="digits",
        metrics={"test_accuracy": accuracy, "test_loss": 0.1},
    )


def loads(
    num_workers: int, seconds: float, rate: float = 1.0, num_gpus: int = 0, start: float = 1e9
) -> Iterator[WorkerLoad]:
    """What the workers of a cluster tell about their load, seeded."""
    random_numbers = random.Random(0)
    for i in range(int(seconds * rate)):
        for worker in range(num_workers):
            gpus = tuple(
                AcceleratorLoad("gpu", "H200", 100 * random_numbers.random(), 10**9, 141 * 10**9, 400.0, 61.0)
                for _ in range(num_gpus)
            )
            yield WorkerLoad(
                f"w{worker}",
                200 * random_numbers.random(),
                10**9 + worker,
                4 * 10**9,
                1e5,
                2e5,
                gpus,
                disk_read_bps=3e5,
                disk_write_bps=4e5,
                tasks={"executing": worker, "memory": 3},
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
