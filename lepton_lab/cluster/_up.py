"""Starting a cluster."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from lepton_lab.cluster import _connect, _processes, _record, _start, _tls, _wait
from lepton_lab.cluster._handle import Handle
from lepton_lab.cluster._plan import WorkerPlan, check_host, check_idle, make_plan, parse_adapt
from lepton_lab.cluster._record import Record
from lepton_lab.cluster._start import LOOPBACK
from lepton_lab.errors import ClusterError
from lepton_lab.events import ClusterChanged, Progress, Report, ignore

TASK = "cluster up"


def up(
    folder: Path,
    *,
    name: str,
    workers: int | None = None,
    device: str = "auto",
    cpu_workers: int = 0,
    threads: int | None = None,
    memory: str | None = None,
    detach: bool = False,
    host: str = LOOPBACK,
    idle_timeout: str | None = None,
    adapt: str | None = None,
    preload: tuple[str, ...] = (),
    report: Report = ignore,
) -> Handle:
    """Start a scheduler and workers on this machine, locked by mutual TLS, reachable on loopback unless told otherwise.

    Parameters
    ----------
    folder
        Clusters live in folders below this one, each in `folder/<name>`.
    name
        The cluster's name.
    workers
        How many; by default one per device, or one per `threads` cores that may be used.
    device
        One of `device_names`.
    cpu_workers
        CPU workers beside those.
    threads
        Of each worker; by default the cores divided among the workers.
    memory
        Of each worker, such as `"4GB"`; by default an equal share of what this process may use.
    detach
        Outlive this kernel. Such a cluster ends itself after an hour without work.
    host
        The address of this machine at which scheduler and workers listen, so that other hosts can reach them: for
        workers there, see `join`. The dashboard stays on loopback.
    idle_timeout
        Without work for so long the cluster ends itself, such as `"30 min"`; None means never, or an hour where it is
        detached.
    adapt
        The fewest and the most workers, such as `"1:4"`, for whoever holds the handle to go by (see `Adapter`); it
        starts with the fewest unless `workers` says otherwise.
    preload
        Names of modules that each worker imports at its start; a function `dask_setup(worker)` in it is called.
    report
        Hears `Progress` as things happen, and `ClusterChanged`.

    Raises
    ------
    InputError
        If a value can't be used; before any process is started.
    ClusterError
        If a cluster of this name is up already, or did not start.
    """
    began = time.perf_counter()
    report(Progress(TASK, f"starting cluster {name}", 0.0))
    _record.check_name(name)
    bounds = parse_adapt(adapt) if adapt is not None else None
    plan = make_plan(workers, device, threads, memory, cpu_workers, bounds)
    check_host(host)
    idle = check_idle(idle_timeout, detach)
    folder = Path(folder).absolute()
    with _record.locked(folder, name):
        old = _record.load(folder / name)
        if old is not None and old.is_up():
            raise ClusterError(
                f"A cluster {name!r} is up already, with {len(old.workers)} worker(s): join it with "
                f"`%lepton cluster attach {name}`, or end it with `%lepton cluster down`."
            )
        if old is not None:
            old.remove()
        _record.check_version(folder / name)
        shutil.rmtree(folder / name, ignore_errors=True)
        report(ClusterChanged(name, "starting"))
        record = Record(
            name,
            folder / name,
            detach,
            (),
            (),
            preload=tuple(preload),
            host=host,
            idle_timeout=idle,
            adapt=bounds,
        )
        handle = _start_all(record, plan, began, report)
    report(ClusterChanged(name, "running", len(plan)))
    return handle


def _start_all(record: Record, plan: Sequence[WorkerPlan], began: float, report: Report) -> Handle:
    """Start everything, or leave nothing behind: neither processes nor files, even when interrupted."""
    client = None
    try:
        report(Progress(TASK, "certificates", 0.05))
        record.folder.mkdir(mode=0o700, parents=True)
        record.logs.mkdir()
        _tls.make_certificates(record.tls)
        report(Progress(TASK, "scheduler", 0.15))
        with _start.held_port(record.host) as port:
            address = f"tls://{record.host}:{port}"
            # At the same time: the workers keep knocking until the scheduler answers.
            with _processes.deferring_interrupts():
                scheduler = _start.scheduler(record, port)
                record = _record.changed(record, processes=(scheduler,))
            with _processes.deferring_interrupts():
                holder = _start.workers(record, address, plan)
                record = _record.changed(record, processes=(scheduler, holder), workers=tuple(plan))
            security = _tls.client_security(record.tls)  # imports Dask while the processes start
            dashboard = _wait.for_scheduler(record.folder, scheduler)
        record = _record.changed(record, address=address, dashboard_port=dashboard)
        report(Progress(TASK, "connecting", 0.35))
        client = _connect.connect(address, security, _wait.TIMEOUT)
        _wait.for_workers(client, {worker.name for worker in plan}, holder, record.logs, report, TASK)
        return Handle(record, client, seconds=time.perf_counter() - began)
    except BaseException:
        _connect.close(client)
        record.remove()
        report(ClusterChanged(record.name, "down"))
        raise
