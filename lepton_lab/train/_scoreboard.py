"""What the ranks' reports add up to: progress, epochs, and the run's `metrics.jsonl`."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lepton_lab.events import EpochEnded, Report, RunProgress
from lepton_lab.train._job import Job

PUBLISH_SECONDS = 0.2
RATE_SECONDS = 2.0
"""Over how long a rate is taken."""


class Scoreboard:
    """Adds the ranks' sums up and tells what came out.

    Parameters
    ----------
    job
        The run's.
    workers
        Worker names by rank.
    report
        Told a `RunProgress` at about 5 Hz and an `EpochEnded` after each epoch.
    lines
        File of JSON lines that gets the same.
    """

    def __init__(self, job: Job, workers: tuple[str, ...], report: Report, lines: Path) -> None:
        self.job, self.workers, self.report, self.lines = job, workers, report, lines
        self.history: dict[str, list[float]] = {}
        self.started: float | None = None
        self._epochs: dict[int, dict[int, Mapping[str, Any]]] = {}
        """By epoch and rank the latest report: a rank may be an epoch ahead of its peers."""
        self._marks: dict[int, deque[tuple[float, float]]] = {}
        self._published = 0.0
        self._lock = threading.Lock()
        self.complete = threading.Event()
        """Set when the last epoch has been heard of from every rank."""

    def snapshot(self) -> dict[str, tuple[float, ...]]:
        """The history so far."""
        with self._lock:
            return {name: tuple(values) for name, values in self.history.items()}

    def hear(self, event: Mapping[str, Any]) -> None:
        """Take a rank's report."""
        if event.get("type") != "progress":
            return
        with self._lock:
            self.started = self.started or event["time"] - event["seconds"]
            rank = int(event["rank"])
            self._note_rate(rank, event)
            self._epochs.setdefault(int(event["epoch"]), {})[rank] = event
            if len(self._marks) < len(self.workers):
                return
            epoch = len(self.history.get("loss", ())) + 1
            here = self._epochs.get(epoch, {}).values()
            if len(here) == len(self.workers) and all(e["step"] == self.job.steps for e in here):
                self._publish(epoch)
                self._end_epoch(epoch)
            elif time.time() - self._published >= PUBLISH_SECONDS:
                self._publish(epoch)

    def _note_rate(self, rank: int, event: Mapping[str, Any]) -> None:
        """Remember when a rank had seen how many examples, for the last seconds."""
        share = self.job.shards.num_rows / len(self.workers)
        marks = self._marks.setdefault(rank, deque())
        marks.append((event["time"], (event["epoch"] - 1) * share + event["examples"]))
        while len(marks) > 2 and marks[-1][0] - marks[1][0] > RATE_SECONDS:
            marks.popleft()

    def _rate(self, rank: int) -> float:
        """Examples per second of a rank over the last seconds; over the first epoch so far, before that can be told."""
        marks = self._marks[rank]
        seconds = marks[-1][0] - marks[0][0]
        if seconds < PUBLISH_SECONDS:
            latest = self._epochs[max(epoch for epoch, ranks in self._epochs.items() if rank in ranks)][rank]
            return float(latest["examples"] / max(latest["seconds"], 1e-6))
        return (marks[-1][1] - marks[0][1]) / seconds

    def _totals(self, epoch: int) -> tuple[float, float, float]:
        """Loss, metric and examples over the ranks that have begun `epoch`."""
        mine = self._epochs.get(epoch, {}).values()
        examples = sum(event["examples"] for event in mine) or 1.0
        return (
            sum(event["loss"] for event in mine) / examples,
            sum(event["metric"] for event in mine) / examples,
            examples,
        )

    def _publish(self, epoch: int) -> None:
        self._published = time.time()
        job = self.job
        step = min((event["step"] for event in self._epochs.get(epoch, {}).values()), default=0)
        loss, metric, _ = self._totals(epoch)
        done = (epoch - 1) * job.steps + step
        spent = time.time() - (self.started or time.time())
        remaining = spent / done * (job.epochs * job.steps - done) if done else None
        progress = RunProgress(
            run=job.run,
            epoch=epoch,
            epochs=job.epochs,
            step=step,
            steps=job.steps,
            loss=loss,
            metrics={job.metric: metric},
            remaining=remaining,
            rates={worker: self._rate(rank) for rank, worker in enumerate(self.workers)},
        )
        self._write({"epoch": epoch, "step": step, "loss": loss, job.metric: metric, "rates": progress.rates})
        self.report(progress)

    def _end_epoch(self, epoch: int) -> None:
        loss, metric, examples = self._totals(epoch)
        seconds = max(event["seconds"] for event in self._epochs[epoch].values())
        logs = {"loss": loss, self.job.metric: metric, "seconds": seconds, "examples": examples}
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)
        self._write({"epoch_end": epoch, **logs})
        self.report(EpochEnded(run=self.job.run, epoch=epoch, logs=logs))
        if epoch == self.job.epochs:
            self.complete.set()
        else:
            del self._epochs[epoch]

    def _write(self, line: Mapping[str, Any]) -> None:
        with self.lines.open("a") as stream:
            stream.write(json.dumps({"time": time.time(), **line}) + "\n")
