"""A lab on host 0 of `tests.cluster.hosts`, which does what it is told a line at a time: for `test_hosts`.

It says what it hears, each in a line, and answers each line that it reads with `answer` and JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lepton_lab.data import open_shard
from lepton_lab.data._host import look
from lepton_lab.errors import LeptonError
from lepton_lab.events import ClusterChanged, Event, MapChanged, Progress, RunNote
from lepton_lab.lab import Lab
from lepton_lab.types import Shard, ShardSet
from tests.cluster.processes import wait_until


def total(part: Shard) -> float:
    """The sum of a shard's rows, in a while."""
    rows = open_shard(part)
    time.sleep(0.05)
    return float(rows.take(np.arange(len(rows)))[0].sum(dtype=np.float64))


def wait(item: tuple[int, float]) -> int:
    """A call that needs no shard, of so many seconds."""
    time.sleep(item[1])
    return item[0]


class Near:
    """What it can be told."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def _shards(self, name: str) -> ShardSet:
        return next(shards for shards in self._lab.data.shard_sets() if shards.dataset == name)

    def present(self, workers: str) -> None:
        """Wait until there are so many workers."""
        wait_until(lambda: len(self._lab.cluster.handle.workers()) == int(workers), 30)

    def shard(self, name: str, by: str) -> dict[str, Any]:
        """Cut a data set into shards, two copies of each."""
        self._lab.data.load("digits", name=name)
        shards = self._lab.data.shard(name, shards=8, by=by, replicas=2)
        moves = [(move.source, move.target, move.num_bytes) for move in shards.moves]
        return {**self.held(name), "moves": moves, "text": str(shards)}

    def held(self, name: str) -> dict[str, Any]:
        """Who holds which shard, as the record says; and who can open which, as the workers say, checksums compared."""
        parts, handle = self._shards(name).shards, self._lab.cluster.handle
        there = handle.client.run(look, parts, True, on_error="ignore")
        can = {worker.name: there[worker.address] for worker in handle.workers() if worker.address in there}
        return {
            "nodes": [part.nodes for part in parts],
            "bytes": [part.num_bytes for part in parts],
            "can": {name: sorted(held.sees | held.has) for name, held in can.items()},
        }

    def open(self, name: str) -> bool:
        """Whether every worker opens every shard, and finds the same in it."""
        parts, handle = self._shards(name).shards, self._lab.cluster.handle
        expected = [total(part) for part in parts]
        answers = [handle.client.map(total, parts, workers=[worker.address], pure=False) for worker in handle.workers()]
        return all(handle.client.gather(futures) == expected for futures in answers)

    def sum(self, name: str, times: str) -> dict[str, Any]:
        """Map over all shards, so many times each."""
        parts = self._shards(name).shards
        return self._map(total, parts * int(times), [total(part) for part in parts] * int(times))

    def wait(self, calls: str, seconds: str) -> dict[str, Any]:
        """Map over calls of so many seconds."""
        items = [(number, float(seconds)) for number in range(int(calls))]
        return self._map(wait, items, list(range(int(calls))))

    def _map(self, function: Callable[[Any], Any], items: Any, expected: list[Any]) -> dict[str, Any]:
        began = time.monotonic()
        results = self._lab.map(function, items)
        seconds = time.monotonic() - began
        shares = self._lab.schedule().workers
        return {
            "is_right": results == expected,
            "seconds": seconds,
            "calls": {share.worker: share.calls for share in shares if not share.is_gone},
            "all": sum(share.calls for share in shares),
        }

    def train(self, *workers: str) -> dict[str, Any]:
        """Train for two epochs, on so many workers."""
        options: dict[str, Any] = {"workers": int(workers[0])} if workers else {}
        try:
            run = self._lab.train("mlp", "idle", epochs=2, batch_size=64, strategy="multiworker", **options)
        except LeptonError as error:
            return {"error": str(error)}
        accuracy = run.history["accuracy"][-1]
        return {"workers": run.workers, "notes": run.notes, "accuracy": accuracy, "restarts": run.restarts}


def say(line: str) -> None:
    """Write a line."""
    print(line.replace("\n", " "), flush=True)


def hear(event: Event) -> None:
    """Say what is heard."""
    match event:
        case ClusterChanged(message=str(message)) if message:
            say(f"cluster: {message}")
        case Progress(task=str(task)) if task.startswith("data place"):
            say(f"{task}: {event.message}")
        case MapChanged():
            say(f"map: {event.done}")
        case RunNote():
            say(f"note: {event.message}")


def main(folder: str, address: str) -> None:
    """Start a cluster with a worker, and do what is told until there is no more."""
    with Lab(folder) as lab:
        lab.events.subscribe(hear)
        lab.cluster.up(workers=1, device="cpu", threads=1, memory="1GB", host=address)
        lab.cluster.invite(Path(folder) / "invitation.json")
        near = Near(lab)
        say("ready")
        for line in sys.stdin:
            word, *arguments = line.split()
            say(f"answer {json.dumps(getattr(near, word)(*arguments))}")


if __name__ == "__main__":
    main(*sys.argv[1:])
