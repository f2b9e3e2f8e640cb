"""Waiting for processes that start, with an eye on whether they still live."""

from __future__ import annotations

import signal
import time
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from lepton_lab.cluster import _connect, _logs, _processes, _start
from lepton_lab.cluster._processes import Process
from lepton_lab.errors import ClusterError
from lepton_lab.events import Progress, Report
from lepton_lab.files import read_json

if TYPE_CHECKING:
    from distributed import Client

TIMEOUT = 60.0
"""Seconds that scheduler and workers may take each: far more than the second they need, for machines under load."""
_PAUSE = 0.01


def for_scheduler(folder: Path, process: Process) -> int:
    """Wait until the scheduler listens; gives the port of its web server, 0 if Bokeh is missing."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            found = read_json(folder / _start.SCHEDULER_FILE)
            return int(found["services"].get("dashboard", 0)) if _has_bokeh() else 0
        except (OSError, ValueError, KeyError):
            pass  # not written yet, or half
        _check("scheduler", process, folder / "logs" / "scheduler.log", deadline)
        time.sleep(_PAUSE)


def _has_bokeh() -> bool:
    from importlib.util import find_spec

    return find_spec("bokeh") is not None


def for_workers(
    client: Client, names: Collection[str], process: Process, logs: Path, report: Report, task: str
) -> None:
    """Wait until the scheduler knows all the workers that `process` holds, and report each."""
    deadline = time.monotonic() + TIMEOUT
    seen = -1
    while True:
        count = sum(str(worker["name"]) in names for worker in _connect.describe(client).values())
        if count != seen:
            seen = count
            report(
                Progress(
                    task,
                    f"worker {count} of {len(names)}" if count else "waiting for workers",
                    0.4 + 0.6 * count / len(names),
                )
            )
        if count >= len(names):
            return
        _check("worker process", process, logs / "nanny.log", deadline)
        time.sleep(_PAUSE)


def for_end(pids: Iterable[int], seconds: float) -> None:
    """Wait until these processes ended, and kill those that still haven't after `seconds`."""
    left = [Process(pid, started) for pid in pids if (started := _processes.start_of(pid)) is not None]
    deadline = time.monotonic() + seconds
    while left := [process for process in left if process.is_alive()]:
        if time.monotonic() > deadline:
            for process in left:
                _processes.signal_process(process.pid, signal.SIGKILL)
        time.sleep(_PAUSE)


def _check(what: str, process: Process, log: Path, deadline: float) -> None:
    """Raise if the process ended, or its time is up."""
    alive = process.is_alive()
    if alive and time.monotonic() < deadline:
        return
    cause = _logs.cause(log)
    why = f": {cause.rstrip('.')}" if cause else ""
    how = f"did not answer within {TIMEOUT:.0f} s" if alive else "ended while it started"
    raise ClusterError(f"The cluster's {what} {how}{why}. Try again, or ask for fewer workers.")
