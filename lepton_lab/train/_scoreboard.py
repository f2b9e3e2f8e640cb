"""What the ranks' reports add up to: progress, epochs, rates, and who holds the others up."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from lepton_lab.events import EpochEnded, Report, RunChanged, RunNote, RunProgress
from lepton_lab.train._job import Job

PUBLISH_SECONDS = 0.1
"""How much time there is between two events at least; the ranks report about every 0.2 s."""
RATE_SECONDS = 2.0
"""Over how long a rate is taken."""
STRAGGLES = 1.5
"""How many times as long as the median of the others' a rank's steps take, for it to be called a straggler."""
STRAGGLES_SECONDS = 3.0
"""For how long that must be so."""


class Scoreboard:
    """Puts the ranks' reports together and tells what came out.

    Parameters
    ----------
    job
        The run's.
    report
        Told a `RunProgress` at about 5 Hz, an `EpochEnded` after each epoch, a `RunChanged` when the ranks begin to
        convert what was learnt, and a `RunNote` for what is worth a word.
    """

    def __init__(self, job: Job, report: Report) -> None:
        self.job, self.report = job, report
        self.history: dict[str, list[float]] = {}
        self.workers: tuple[str, ...] = ()
        self.generation = 0
        self.was_running = False
        """Whether any generation has taken a step."""
        self._begin()

    def _begin(self) -> None:
        self._latest: dict[int, Mapping[str, Any]] = {}
        self._marks: dict[int, deque[tuple[float, float]]] = {}
        self._published = 0.0
        self._slow_since: dict[int, float] = {}
        self._called: set[int] = set()
        self._first: tuple[float, int] | None = None
        self.was_heard = False
        """Whether this generation's ranks have said anything."""
        self.has_progressed = False
        """Whether they have all taken a step."""
        self.is_complete = False
        """Whether the first of them has said its last word."""

    def restart(self, generation: int, workers: Sequence[str], history: Mapping[str, Sequence[float]]) -> None:
        """Another generation begins, from a checkpoint with this history; what older ones still say is not heard."""
        self.generation, self.workers = generation, tuple(workers)
        self.history = {name: list(values) for name, values in history.items()}
        self._begin()

    def snapshot(self) -> dict[str, tuple[float, ...]]:
        """The history so far."""
        return {name: tuple(values) for name, values in self.history.items()}

    def rate(self) -> float | None:
        """Examples per second over all ranks; None before it can be told."""
        if len(self._marks) < len(self.workers):
            return None
        rates = [self._rate(rank) for rank in self._marks]
        return None if any(rate is None for rate in rates) else sum(rate for rate in rates if rate is not None)

    def hear(self, event: Mapping[str, Any]) -> None:
        """Take a rank's report."""
        if event.get("generation") != self.generation:
            return
        self.was_heard = True
        match event["type"]:
            case "progress":
                self._progress(event)
            case "epoch":
                self._end_epoch(int(event["epoch"]), event["logs"])
            case "note":
                self.report(RunNote(run=self.job.run, message=str(event["message"])))
            case "converting" if event["rank"] == 0 and event["converts"]:
                self.report(RunChanged(self.job.run, "converting", "the trained model becomes a .tflite file"))
            case "last" if event["rank"] == 0:
                self.is_complete = True

    def _progress(self, event: Mapping[str, Any]) -> None:
        rank = int(event["rank"])
        self._latest[rank] = event
        marks = self._marks.setdefault(rank, deque())
        marks.append((event["time"], event["examples"]))
        while len(marks) > 2 and marks[-1][0] - marks[1][0] > RATE_SECONDS:
            marks.popleft()
        if rank == 0 and self._first is None:
            self._first = (event["time"], self._done(event))
        if has_all := len(self._latest) == len(self.workers):
            self.has_progressed = self.was_running = True
        # The first rank's report has the means over all ranks, so what it says is told at once, and not with the next
        # report of another. Where an epoch ends is always told, also before the others' first reports have come in.
        ends_epoch = rank == 0 and event["step"] == self.job.steps
        is_due = rank == 0 and time.time() - self._published >= PUBLISH_SECONDS
        if ends_epoch or (has_all and (is_due or not self._published)):
            self._publish()
            self._watch_stragglers()

    def _done(self, event: Mapping[str, Any]) -> int:
        """Steps over all epochs."""
        return int((event["epoch"] - 1) * self.job.steps + event["step"])

    def _rate(self, rank: int) -> float | None:
        """Examples per second of a rank over the last seconds."""
        marks = self._marks[rank]
        seconds = marks[-1][0] - marks[0][0]
        if seconds <= 0:
            return None
        return (marks[-1][1] - marks[0][1]) / seconds

    def remaining(self) -> float | None:
        """Seconds left; None before that can be told.

        By how long the steps of this generation took; its first report is not counted, for it holds the tracing.
        """
        if self._first is None or 0 not in self._latest:
            return None
        time_then, done_then = self._first
        done = self._done(self._latest[0])
        left = self.job.epochs * self.job.steps - done
        if left == 0:
            return 0.0
        if done == done_then:
            return None
        return float((self._latest[0]["time"] - time_then) / (done - done_then) * left)

    def _publish(self) -> None:
        self._published = time.time()
        job, first = self.job, self._latest[0]
        means = dict(first["means"])
        seconds = max(float(first["seconds"]), 1e-6)
        latest = sorted(self._latest.items())
        rates = {
            self.workers[rank]: rate if (rate := self._rate(rank)) is not None else event["examples"] / seconds
            for rank, event in latest
        }
        self.report(
            RunProgress(
                run=job.run,
                epoch=int(first["epoch"]),
                epochs=job.epochs,
                step=int(first["step"]),
                steps=job.steps,
                loss=means.pop("loss"),
                metrics=means,
                remaining=self.remaining(),
                rates=rates,
                memory={self.workers[rank]: int(event["memory"]) for rank, event in latest},
                learning_rate=first["learning_rate"],
            )
        )

    def _watch_stragglers(self) -> None:
        """Name a rank whose own part of a step takes much longer than the others': they all wait for it."""
        busy = {rank: float(event["busy"]) for rank, event in self._latest.items()}
        now = time.time()
        for rank, mine in busy.items():
            others = [value for other, value in busy.items() if other != rank]
            if others and mine > STRAGGLES * statistics.median(others) and mine > 0.001:
                since = self._slow_since.setdefault(rank, now)
                if now - since > STRAGGLES_SECONDS and rank not in self._called:
                    self._called.add(rank)
                    usual = statistics.median(others)
                    self.report(
                        RunNote(
                            run=self.job.run,
                            message=f"Worker {self.workers[rank]} is a straggler: its part of a step takes "
                            f"{1000 * mine:.1f} ms, the others' {1000 * usual:.1f} ms, and all wait for it.",
                        )
                    )
            else:
                self._slow_since.pop(rank, None)

    def _end_epoch(self, epoch: int, logs: Mapping[str, float]) -> None:
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)
        self.report(EpochEnded(run=self.job.run, epoch=epoch, logs=logs))
