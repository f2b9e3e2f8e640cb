"""Joining a cluster that is up already."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lepton_lab.cluster import _connect, _record, _tls
from lepton_lab.cluster._dashboard import link
from lepton_lab.cluster._elsewhere import Tls, attach_elsewhere
from lepton_lab.cluster._handle import Handle, no_answer
from lepton_lab.cluster._record import Record
from lepton_lab.errors import ClusterError, InputError
from lepton_lab.events import ClusterChanged, Progress, Report, ignore
from lepton_lab.types import ClusterInfo, WorkerInfo

if TYPE_CHECKING:
    from distributed import Client

_TIMEOUT = 5.0
"""Seconds that a scheduler has to answer."""


def find(folder: Path) -> tuple[ClusterInfo, ...]:
    """The clusters below `folder` that live, by name, as their records tell; what dead ones left is cleared away.

    Nothing is connected to, so the workers have no addresses here.
    """
    return tuple(_describe(record) for record in _record.load_all(Path(folder).absolute()))


def look(folder: Path) -> tuple[ClusterInfo, ...]:
    """The same with the dead ones, as `down`, which stay as they are."""
    return tuple(_describe(record) for record in _record.look(Path(folder).absolute()))


def _describe(record: Record) -> ClusterInfo:
    workers = tuple(
        WorkerInfo(w.name, "", record.host, w.threads, w.memory, device=w.device.kind) for w in record.workers
    )
    dashboard = link(record.dashboard_port) if record.dashboard_port else ""
    state: Literal["running", "down"] = "running" if record.is_up() else "down"
    return ClusterInfo(
        record.name, state, record.address, dashboard, workers, detached=record.detached, folder=record.folder
    )


def attach(
    folder: Path,
    name: str | None = None,
    *,
    address: str | Client | None = None,
    tls: Tls | None = None,
    preload: tuple[str, ...] = (),
    report: Report = ignore,
) -> Handle:
    """Join the cluster of this name, or the only one below `folder`, or any Dask scheduler.

    Parameters
    ----------
    address
        Of a scheduler that somebody else started: `"tls://host:8786"`, the path of its scheduler file, or a Dask
        client or cluster object, as dask-gateway, dask-jobqueue and dask-kubernetes give it.
    tls
        The files to show such a scheduler; None for what Dask's own configuration says.
    preload
        Modules for the workers of such a cluster, as for `up`.

    Raises
    ------
    ClusterError
        If there is no such cluster, several without a name, nobody answers, or its workers' versions don't fit.
    """
    what = (address if isinstance(address, str) else "a client") if address is not None else name or "a cluster"
    report(Progress("cluster attach", f"looking for {what}", 0.0))
    if address is not None:
        handle = attach_elsewhere(address, tls, name, preload)
        report(ClusterChanged(handle.name, "running", len(handle.workers())))
        return handle
    if tls is not None:
        raise InputError("TLS files came without an address: a cluster of this workspace has its own.")
    records = _record.load_all(Path(folder).absolute())
    names = ", ".join(record.name for record in records)
    chosen = [record for record in records if name in (None, record.name)]
    if not chosen:
        what = f"There is no cluster {name!r}" if name else "There is no cluster"
        up = f"up are: {names}" if names else "start one: `%lepton cluster up`"
        raise ClusterError(f"{what} to attach to (one that isn't detached ends with its kernel); {up}.")
    if len(chosen) > 1:
        raise ClusterError(
            f"Several clusters are up ({names}): say which, as in `%lepton cluster attach {records[0].name}`."
        )
    record = chosen[0]
    try:
        client = _connect.connect(record.address, _tls.client_security(record.tls), _TIMEOUT)
    except OSError as error:
        raise ClusterError(no_answer(record, error)) from None
    handle = Handle(record, client, is_attached=True)
    report(ClusterChanged(record.name, "running", len(record.workers)))
    return handle
