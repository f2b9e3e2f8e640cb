"""The load of a worker and of the training processes that run for it, sampled inside the worker.

Training processes are forked by the fork server, so they are nobody's children here; the fork server's client knows
which ones this process asked for.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from lepton_lab.cluster.devices import OwnDevice, Reading

log = logging.getLogger(__name__)

PERIOD = 0.9
"""Seconds for which a sample is good: Dask's heartbeats come twice a second."""
SHARES = 10
"""Samples for which a process's memory that others share is taken as unchanged: to count it costs 18 ms for a process
with TensorFlow, all else a millisecond."""


class Counted(NamedTuple):
    """What processes have done, counted up."""

    cpu: float = 0.0
    """Seconds."""
    disk_read: float = 0.0
    """Bytes."""
    disk_write: float = 0.0
    """Bytes."""


class Sampler:
    """A Dask metric: called with the worker at each heartbeat, it gives a dictionary that msgpack can carry.

    Keys: `time` (seconds since the epoch), `cpu` (percent of one core), `memory` (bytes), `read` and `write` (bytes per
    second over the host's network), `disk_read` and `disk_write` (bytes per second), `accelerators` (a list of
    dictionaries with `AcceleratorLoad`'s fields).

    Parameters
    ----------
    own
        The worker's own device; None where it has none, or isn't known.
    """

    def __init__(self, own: OwnDevice | None = None) -> None:
        self._own = own
        self._is_told = False
        """Whether the log has heard that the device's load can't be read."""
        self._totals: dict[int, Counted] = {}
        self._shared: dict[int, int] = {}
        self._samples = 0
        self._network = (0, 0)
        self._time = 0.0
        self._last: dict[str, Any] = {}

    def __call__(self, worker: object = None) -> dict[str, Any]:
        now = time.monotonic()
        if self._last and now - self._time < PERIOD:
            return self._last
        spent, memory = self._processes()
        network = _network()
        elapsed = now - self._time if self._time else 0.0
        self._last = {
            "time": time.time(),
            "cpu": 100 * spent.cpu / elapsed if elapsed else 0.0,
            "memory": memory,
            "read": max(0, network[0] - self._network[0]) / elapsed if elapsed else 0.0,
            "write": max(0, network[1] - self._network[1]) / elapsed if elapsed else 0.0,
            "disk_read": spent.disk_read / elapsed if elapsed else 0.0,
            "disk_write": spent.disk_write / elapsed if elapsed else 0.0,
            "accelerators": self._accelerators(),
        }
        self._network, self._time = network, now
        return self._last

    def _processes(self) -> tuple[Counted, int]:
        """What the worker and its training processes did since the last call, and their bytes in memory now."""
        import psutil

        from lepton_lab.forkserver import children

        spent, totals, memory = Counted(), {}, 0
        if self._samples % SHARES == 0:
            self._shared.clear()
        self._samples += 1
        for pid in (os.getpid(), *children()):
            try:
                process = psutil.Process(pid)
                times = process.cpu_times()
                resident = int(process.memory_info().rss)
                if pid not in self._shared:
                    self._shared[pid] = resident - _proportional(process, resident)
                memory += max(0, resident - self._shared[pid])
            except psutil.Error:
                continue  # it ended just now
            totals[pid] = now = Counted(times.user + times.system, *_disk(process))
            # A training process that is new since the last sample has done all of its work since then.
            before = self._totals.get(pid, Counted())
            spent = Counted(*(so_far + new - old for so_far, new, old in zip(spent, now, before, strict=True)))
        self._totals = totals
        return spent, memory

    def _accelerators(self) -> list[dict[str, Any]]:
        if self._own is None or self._own.found is None:
            return []
        try:
            reading = self._own.read()
        except Exception as error:  # whatever a plug-in raises: the heartbeat must go on
            if not self._is_told:
                log.warning("%s can't tell the load of %s: %r", self._own.source, self._own.found.id, error)
            self._is_told, reading = True, Reading()
        found = self._own.found
        return [{"kind": self._own.kind, "name": found.name, "memory_total": found.memory, **asdict(reading)}]


def _proportional(process: Any, resident: int) -> int:
    """Bytes of a process's proportional share where Linux tells it, since training processes share TensorFlow."""
    if sys.platform == "linux":
        try:
            with Path(f"/proc/{process.pid}/smaps_rollup").open("rb") as stream:
                for line in stream:
                    if line.startswith(b"Pss:"):
                        return int(line.split()[1]) * 1024
        except OSError:
            pass  # not ours to read, or an old kernel
    return resident


def _disk(process: Any) -> tuple[int, int]:
    """Bytes that a process has read from disks and written to them; 0 where the system doesn't tell (or not us)."""
    import psutil

    try:
        counters = process.io_counters()
    except (AttributeError, NotImplementedError, psutil.Error):
        return 0, 0
    return counters.read_bytes, counters.write_bytes


def _network() -> tuple[int, int]:
    """Bytes that this host received and sent so far."""
    import psutil

    counters = psutil.net_io_counters()
    return (counters.bytes_recv, counters.bytes_sent) if counters else (0, 0)
