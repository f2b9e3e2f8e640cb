"""What a run says and does when ranks are killed, stopped, kept from joining, or fail by their data; and how soon.

A trial hangs if the run has not said what is wrong within a minute.

python tests/benchmarks/bench_training_failures.py --trials 50 --only stopped   # killed, live, unjoined; or all
"""

from __future__ import annotations

import argparse
import os
import queue
import random
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from lepton_lab.events import RunChanged, RunNote, RunProgress
from lepton_lab.lab import Lab
from tests.benchmarks import probes
from tests.benchmarks.training import lab_with, own_temporary_folder, pictures, table
from tests.train.processes import controller, ranks, wait_for

LIMIT = 60.0
SETTINGS: dict[str, Any] = {
    "strategy": "multiworker",
    "batch_size": 128,
    "checkpoint_seconds": 0.3,
    "max_failures": 1000,
    "epochs": 100_000,
    "background": True,
}
Row = tuple[str, int, int, str, str]
"""Of the table: what, trials, hangs, measured, target."""


class Ears:
    """What a lab says of its runs, one event after the other."""

    def __init__(self, lab: Lab) -> None:
        self._events: queue.SimpleQueue[tuple[float, Any]] = queue.SimpleQueue()
        lab.events.subscribe(lambda e: self._events.put((time.time(), e)), RunChanged, RunNote, RunProgress)

    def forget(self) -> None:
        """Hear from now on only."""
        while not self._events.empty():
            self._events.get()

    def wait(self, run: str, wanted: Callable[[Any], bool]) -> float | None:
        """When the run's next such event came, in seconds since the epoch; None if none came in time."""
        deadline = time.monotonic() + LIMIT
        while (left := deadline - time.monotonic()) > 0:
            try:
                at, event = self._events.get(timeout=left)
            except queue.Empty:
                break
            if event.run == run and wanted(event):
                return at
        return None


def is_state(*states: str) -> Callable[[Any], bool]:
    return lambda event: isinstance(event, RunChanged) and event.state in states


def is_progress(event: Any) -> bool:
    return isinstance(event, RunProgress)


def says(*words: str) -> Callable[[Any], bool]:
    return lambda event: isinstance(event, RunNote) and any(word in event.message for word in words)


def median(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.2f} s (at most {max(seconds):.2f} s)" if seconds else "-"


@contextmanager
def run_under_way(lab: Lab) -> Iterator[tuple[str, Ears]]:
    """A run that trains, and what is heard of it."""
    ears = Ears(lab)
    run = lab.train("model", "rows", **SETTINGS).id
    assert ears.wait(run, is_progress)
    yield run, ears
    lab.run.stop(run)


def settle(lab: Lab, run: str, chance: random.Random) -> list[int]:
    """Let the run train for a moment; its two ranks."""
    wait_for(lambda: len(ranks(lab, run)) == 2 and any((lab.run.show(run).folder / "checkpoints").glob("*.json")))
    time.sleep(chance.uniform(0.3, 1.0))
    return ranks(lab, run)


def killed(lab: Lab, trials: int) -> list[Row]:
    """A random rank is killed."""
    chance, peers, steps, hangs = random.Random(1), [], [], 0
    with run_under_way(lab) as (run, ears):
        for _ in range(trials):
            victims = settle(lab, run, chance)
            chance.shuffle(victims)
            ears.forget()
            began = time.time()
            os.kill(victims[0], signal.SIGKILL)
            wait_for(lambda victims=victims: not psutil.pid_exists(victims[1]))  # type: ignore[misc]
            peers.append(time.time() - began)
            at = ears.wait(run, is_state("restarting")) and ears.wait(run, is_progress)
            if at is None:
                hangs += 1
            else:
                steps.append(at - began)
    return [
        ("a rank killed: its peer has ended", trials, hangs, median(peers), "at most 3 s"),
        ("a rank killed: the first new step", trials, hangs, median(steps), "at most 5 s"),
    ]


def stopped(lab: Lab, trials: int) -> list[Row]:
    """A random rank is stopped."""
    chance, told, steps, hangs = random.Random(2), [], [], 0
    with run_under_way(lab) as (run, ears):
        for _ in range(trials):
            victims = settle(lab, run, chance)
            ears.forget()
            began = time.time()
            os.kill(chance.choice(victims), signal.SIGSTOP)
            at = ears.wait(run, says("is stopped (SIGSTOP"))
            step = at and ears.wait(run, is_progress)
            if at is None or step is None:
                hangs += 1
                continue
            told.append(at - began)
            steps.append(step - began)
    return [
        ("a rank stopped (SIGSTOP): the run says so", trials, hangs, median(told), "0 hangs"),
        ("a rank stopped: the first new step", trials, hangs, median(steps), "0 hangs"),
    ]


def live(lab: Lab, trials: int) -> list[Row]:
    """The rows of one rank raise an exception, while the other waits for it."""
    ears, told, hangs = Ears(lab), [], 0
    probes.change_orders(lab, rows="tests.benchmarks.probes:spoil")
    for _ in range(trials):
        ears.forget()
        run = lab.train("model", "rows", **SETTINGS).id
        at = ears.wait(run, is_state("failed", "done", "cancelled"))
        now = lab.run.show(run)
        if at is None or "this row is spoilt" not in now.error:
            hangs += 1
            if not now.is_over:
                lab.run.stop(run)
            continue
        told.append(at - float(Path(os.environ["TMPDIR"], "raised").read_text()))
        wait_for(lambda run=run: not ranks(lab, run), LIMIT)  # type: ignore[misc]
    probes.change_orders(lab)
    return [("an exception in one rank's rows: the run names it", trials, hangs, median(told), "0 hangs")]


def unjoined(lab: Lab, trials: int) -> list[Row]:
    """A rank is stopped before it has found its peers."""
    ears, told, steps, hangs = Ears(lab), [], [], 0
    for _ in range(trials):
        ears.forget()
        run = lab.train("model", "rows", **SETTINGS).id
        wait_for(lambda run=run: controller(lab, run) != os.getpid())  # type: ignore[misc]  # else it looks like a rank
        wait_for(lambda run=run: len(ranks(lab, run)) > 0)  # type: ignore[misc]
        began, victim = time.time(), ranks(lab, run)[0]
        os.kill(victim, signal.SIGSTOP)
        at = ears.wait(run, says("is stopped", "no sign of life"))
        step = at and ears.wait(run, is_progress)
        if at is None or step is None:
            hangs += 1
            print(
                f"hung: {lab.run.show(run)!r}, stopped {victim}, conducted by {controller(lab, run)}", file=sys.stderr
            )
        else:
            told.append(at - began)
            steps.append(step - began)
        lab.run.stop(run)
        wait_for(lambda run=run: not ranks(lab, run), LIMIT)  # type: ignore[misc]
    return [
        ("a rank stopped before it joins: the run says so", trials, hangs, median(told), "0 hangs"),
        ("a rank stopped before it joins: the first step", trials, hangs, median(steps), "0 hangs"),
    ]


PARTS = {"killed": killed, "stopped": stopped, "live": live, "unjoined": unjoined}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--only", choices=PARTS, action="append")
    options = parser.parse_args()
    own_temporary_folder()
    x, y, source = pictures(12_800)
    rows: list[Row] = []
    with lab_with(x, y) as lab:
        lab.model.new("model", kind="mlp", data="rows", hidden_size=128, num_layers=1)
        for name in options.only or PARTS:
            rows += PARTS[name](lab, options.trials)
    print(f"{source}, `mlp` of 0.10 M parameters on two ranks; medians\n")
    table(["what", "trials", "hangs", "after", "target"], rows)


if __name__ == "__main__":
    main()
