"""Tells the load of every worker once a second, from what the workers' heartbeats carry to the scheduler."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from lepton_lab.cluster._worker import METRIC
from lepton_lab.events import AcceleratorLoad, Event, Report, WorkerLoad

log = logging.getLogger(__name__)

INTERVAL = 1.0
"""Seconds between two readings."""
STALE = 5.0
"""Seconds after which a worker's last load says nothing about now, such as while it is started again."""


def loads(workers: Mapping[str, Mapping[str, Any]], now: float) -> list[WorkerLoad]:
    """An event for each worker in the scheduler's description of its workers whose load is fresh."""
    found = []
    for worker in workers.values():
        load = worker.get("metrics", {}).get(METRIC)
        if not load or now - load["time"] > STALE:
            continue
        found.append(
            WorkerLoad(
                str(worker["name"]),
                load["cpu"],
                load["memory"],
                int(worker.get("memory_limit") or 0),
                load["read"],
                load["write"],
                tuple(AcceleratorLoad(**each) for each in load["accelerators"]),
                load["disk_read"],
                load["disk_write"],
                {str(state): int(count) for state, count in worker["metrics"].get("task_counts", {}).items()},
                time=load["time"],
            )
        )
    return found


class Monitor:
    """A thread that reports until it is stopped.

    Parameters
    ----------
    read
        Gives the scheduler's description of its workers, by address.
    report
        Takes a `WorkerLoad` for each worker each second; called on the monitor's thread.
    """

    def __init__(self, read: Callable[[], Mapping[str, Mapping[str, Any]]], report: Report) -> None:
        self._read, self._report = read, report
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lepton-monitor", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped.wait(INTERVAL):
            try:
                workers = self._read()
            except Exception:  # whatever the connection raises while the cluster goes or comes back: try again
                log.debug("the scheduler did not answer", exc_info=True)
                continue
            for load in loads(workers, time.time()):
                self.report(load)

    def report(self, event: Event) -> None:
        """Report something, unless it was stopped."""
        if not self._stopped.is_set():
            self._report(event)

    def stop(self) -> None:
        """Report no more."""
        self._stopped.set()
        if self._thread is not threading.current_thread():
            self._thread.join(2.0)
