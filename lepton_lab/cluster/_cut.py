"""A host that is cut off loses all of its workers at once.

TCP finds out that nobody answers, on each connection by itself, some time after the last sign of life. But when the
first worker is lost, Dask tells the others; where one of these was silent so far and can't be reached either, TCP
begins to wait anew, and so that worker would be missed after twice the time. Loaded in the scheduler (`--preload`).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from distributed.comm import get_address_host
from distributed.diagnostics.plugin import SchedulerPlugin
from distributed.scheduler import heartbeat_interval

if TYPE_CHECKING:
    from distributed import Scheduler
    from distributed.scheduler import WorkerState

SILENT_SECONDS = 6.0
"""For how long a worker must not have been heard of: one that computes may be late for a while."""
_HEARTBEATS = 3
"""That it must have missed."""


class Cut(SchedulerPlugin):  # type: ignore[misc]  # Dask has no types
    """With a worker that fell silent, removes those of its host that did so too."""

    name = "lepton-cut"

    def __init__(self) -> None:
        self._known: dict[str, WorkerState] = {}

    def add_worker(self, scheduler: Scheduler, worker: str) -> None:
        """See `SchedulerPlugin`."""
        self._known[worker] = scheduler.workers[worker]

    async def remove_worker(self, scheduler: Scheduler, worker: str, *, stimulus_id: str, **_: Any) -> None:
        """See `SchedulerPlugin`."""
        lost = self._known.pop(worker, None)
        patience = max(SILENT_SECONDS, _HEARTBEATS * heartbeat_interval(len(scheduler.workers)))
        now = time.time()
        if lost is None or now - lost.last_seen < patience:
            return  # it ended, or was told to
        if lost.host == get_address_host(scheduler.address):
            return  # no cable lies between; they only compute for so long
        for other in [each for each in scheduler.workers.values() if each.host == lost.host]:
            if now - other.last_seen >= patience:
                await scheduler.remove_worker(other.address, stimulus_id=stimulus_id)


def dask_setup(scheduler: Scheduler) -> None:
    """Called by Dask in the scheduler, once it listens."""
    scheduler.add_plugin(Cut())
