"""More workers, or fewer."""

from __future__ import annotations

import os
from collections.abc import Collection
from itertools import count, islice
from typing import TYPE_CHECKING

from lepton_lab.asking import ask
from lepton_lab.cluster import _connect, _host, _processes, _record, _start, _wait, devices
from lepton_lab.cluster._plan import MIN_MEMORY, WorkerPlan
from lepton_lab.cluster._record import Record
from lepton_lab.display import size
from lepton_lab.errors import InputError
from lepton_lab.events import Progress, Report

if TYPE_CHECKING:
    from distributed import Client

TASK = "cluster scale"
_PATIENCE = 0.5
"""Seconds that a retired worker has to end by itself; its results and its tasks are with others by then."""


def scale(record: Record, client: Client, wanted: int, report: Report) -> Record:
    """Bring the cluster to `wanted` workers; gives its new record."""
    if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 1:
        raise InputError(
            f"workers={wanted!r} is not a number from 1 on: give a whole number, or end the cluster with "
            "`%lepton cluster down`."
        )
    report(Progress(TASK, f"{wanted} worker(s)", 0.0))
    with _record.locked(record.folder.parent, record.name):
        record = record.reloaded()
        if wanted > len(record.workers):
            return _grow(record, client, wanted, report)
        if wanted < len(record.workers):
            return _shrink(record, client, wanted, report)
        return record


def adapt(record: Record, bounds: tuple[int, int] | None) -> Record:
    """Write down that the number of workers goes by the work, or no longer does; gives the new record."""
    with _record.locked(record.folder.parent, record.name):
        return _record.changed(record.reloaded(), adapt=bounds)


def revive(record: Record, present: Collection[str]) -> Record:
    """Start those workers again whose nannies have died with them; gives the new record, or the same.

    Parameters
    ----------
    present
        Names of the workers that the scheduler knows.
    """
    if all(process.is_alive() for process in record.processes):
        return record
    with _record.locked(record.folder.parent, record.name):
        record = record.reloaded()
        living = tuple(process for process in record.processes if process.is_alive())
        plans = tuple(worker for worker in record.workers if worker.name not in present)
        if len(living) == len(record.processes) or not plans or living[:1] != record.processes[:1]:
            return record
        with _processes.deferring_interrupts():
            process = _start.workers(record, record.address, plans)
            return _record.changed(record, processes=(*living, process))


def _grow(record: Record, client: Client, wanted: int, report: Report) -> Record:
    plans = _more(record, wanted)
    grown = record
    try:
        with _processes.deferring_interrupts():
            process = _start.workers(record, record.address, plans)
            grown = _record.changed(record, processes=(*record.processes, process), workers=(*record.workers, *plans))
        _wait.for_workers(client, {plan.name for plan in plans}, process, record.logs, report, TASK)
    except BaseException:
        _processes.end(grown.processes[len(record.processes) :], 0.0)
        record.save()
        raise
    return grown


def _more(record: Record, wanted: int) -> tuple[WorkerPlan, ...]:
    """The workers to add, under the lowest names that are free, each like the first, which never leaves."""
    first, taken = record.workers[0], {worker.name for worker in record.workers}
    missing = wanted - len(record.workers)
    own = [first.device] * missing
    if first.device.found is not None:
        used = {worker.device.found for worker in record.workers}
        own = [device for device in devices.find(first.device.kind).accelerators if device.found not in used]
        if len(own) < missing:
            kind, left = first.device.kind.upper(), f"only {len(own)} more are free" if own else "none is free"
            raise InputError(
                f"workers={wanted}: each new one takes a {kind} of its own and {left}, "
                f"so ask for at most {len(record.workers) + len(own)}."
            )
    share = min(first.memory, _host.memory_bytes() // wanted)
    if share < MIN_MEMORY:
        raise InputError(
            f"workers={wanted} would leave each {size(share)}, and a worker needs {size(MIN_MEMORY)}: "
            f"ask for at most {_host.memory_bytes() // MIN_MEMORY}."
        )
    names = islice((name for name in (f"w{number}" for number in count()) if name not in taken), missing)
    return tuple(WorkerPlan(name, first.threads, share, device) for name, device in zip(names, own, strict=False))


def leaving(record: Record, wanted: int) -> tuple[str, ...]:
    """Names of the workers that go when only `wanted` stay: the last ones."""
    names = sorted((worker.name for worker in record.workers), key=lambda name: int(name[1:]))
    return tuple(names[max(wanted, 0) :])


def _shrink(record: Record, client: Client, wanted: int, report: Report) -> Record:
    leave = set(leaving(record, wanted))
    stay = tuple(worker for worker in record.workers if worker.name not in leave)
    described = _connect.describe(client)
    addresses = [address for address, worker in described.items() if str(worker["name"]) in leave]
    pids = ask(client, os.getpid, addresses)
    report(Progress(TASK, f"retiring {', '.join(sorted(leave))}", 0.3))
    if addresses:
        client.retire_workers(workers=addresses, close_workers=True)
    _wait.for_end(pids.values(), _PATIENCE)
    report(Progress(TASK, f"{wanted} worker(s)", 1.0))
    living = tuple(process for process in record.processes if process.is_alive())
    return _record.changed(record, workers=stay, processes=living)
