"""What the ranks' reports add up to: progress, epochs, and the run's `metrics.jsonl`."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lepton_lab.events import EpochEnded, Report, RunProgress
from lepton_lab.train._job import Job

PUBLISH_SECONDS = 0.2


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
        self._latest: dict[int, Mapping[str, Any]] = {}
        self._rates: dict[int, tuple[float, float, float]] = {}
        self._published = 0.0
        self._lock = threading.Lock()
        self.complete = threading.Event()
        """Set when the last epoch has been heard of from every rank."""

    def hear(self, event: Mapping[str, Any]) -> None:
        """Take a rank's report."""
        if event.get("type") != "progress":
            return
        with self._lock:
            self.started = self.started or event["time"] - event["seconds"]
            rank = int(event["rank"])
            self._note_rate(rank, event)
            self._latest[rank] = event
            if len(self._latest) < len(self.workers):
                return
            epoch = len(self.history.get("loss", ())) + 1
            if all((e["epoch"], e["step"]) >= (epoch, self.job.steps) for e in self._latest.values()):
                self._publish(epoch)
                self._end_epoch(epoch)
            elif time.time() - self._published >= PUBLISH_SECONDS:
                self._publish(epoch)

    def _note_rate(self, rank: int, event: Mapping[str, Any]) -> None:
        """Keep (examples seen in all, when, examples per second) of a rank; smoothed over a few reports."""
        before = self._rates.get(rank)
        share = self.job.shards.num_rows / max(len(self.workers), 1)
        total = (event["epoch"] - 1) * share + event["examples"]
        rate = event["examples"] / max(event["seconds"], 1e-6)
        if before is not None and event["time"] > before[1]:
            now = (total - before[0]) / (event["time"] - before[1])
            rate = 0.7 * before[2] + 0.3 * max(now, 0.0)
        self._rates[rank] = (total, event["time"], rate)

    def _totals(self, epoch: int) -> tuple[float, float, float]:
        """Loss, metric and examples over the ranks that are in `epoch`."""
        mine = [event for event in self._latest.values() if event["epoch"] == epoch]
        examples = sum(event["examples"] for event in mine) or 1.0
        return (
            sum(event["loss"] for event in mine) / examples, sum(event["metric"] for event in mine) / examples, examples
        )

    def _publish(self, epoch: int) -> None:
        self._published = time.time()
        job = self.job
        here = [event for event in self._latest.values() if event["epoch"] == epoch]
        step = min((event["step"] for event in here), default=0)
        loss, metric, _ = self._totals(epoch)
        done = (epoch - 1) * job.steps + step
        spent = time.time() - (self.started or time.time())
        remaining = spent / done * (job.epochs * job.steps - done) if done else None
        progress = RunProgress(
            run=job.run, epoch=epoch, epochs=job.epochs, step=step, steps=job.steps, loss=loss,
            metrics={job.metric: metric}, remaining=remaining,
            rates={self.workers[rank]: rate for rank, (_, _, rate) in sorted(self._rates.items())},
        )
        self._write({"epoch": epoch, "step": step, "loss": loss, job.metric: metric, "rates": progress.rates})
        self.report(progress)

    def _end_epoch(self, epoch: int) -> None:
        loss, metric, examples = self._totals(epoch)
        seconds = max(event["seconds"] for event in self._latest.values())
        logs = {"loss": loss, self.job.metric: metric, "seconds": seconds, "examples": examples}
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)
        self._write({"epoch_end": epoch, **logs})
        self.report(EpochEnded(run=self.job.run, epoch=epoch, logs=logs))
        if epoch == self.job.epochs:
            self.complete.set()

    def _write(self, line: Mapping[str, Any]) -> None:
        with self.lines.open("a") as stream:
            stream.write(json.dumps({"time": time.time(), **line}) + "\n")
