"""Joining a cluster that is up already."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from lepton_lab.cluster import _connect, _record, _tls
from lepton_lab.cluster._dashboard import link
from lepton_lab.cluster._handle import Handle
from lepton_lab.cluster._record import Record
from lepton_lab.errors import ClusterError
from lepton_lab.events import ClusterChanged, Progress, Report, ignore
from lepton_lab.types import ClusterInfo, WorkerInfo

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
        WorkerInfo(w.name, "", "127.0.0.1", w.threads, w.memory, device=w.device.kind) for w in record.workers
    )
    dashboard = link(record.dashboard_port) if record.dashboard_port else ""
    state: Literal["running", "down"] = "running" if record.is_up() else "down"
    return ClusterInfo(record.name, state, record.address, dashboard, workers, record.detached, record.folder)


def attach(folder: Path, name: str | None = None, *, address: str | None = None, report: Report = ignore) -> Handle:
    """Join the cluster of this name, or the only one below `folder`, or any Dask scheduler at `address`.

    Raises
    ------
    ClusterError
        If there is no such cluster, several without a name, or nobody answers.
    """
    report(Progress("cluster attach", f"looking for {address or name or 'a cluster'}", 0.0))
    if address is not None:
        return _attach_address(address, name or address, report)
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
        raise ClusterError(
            f"The cluster {record.name!r} does not answer at {record.address} ({error}): "
            f"look at its logs in {record.logs}, or end it with `%lepton cluster down`."
        ) from None
    handle = Handle(record, client, is_attached=True)
    report(ClusterChanged(record.name, "running", len(record.workers)))
    return handle


def _attach_address(address: str, name: str, report: Report) -> Handle:
    """Join somebody else's cluster; TLS as Dask's own configuration says."""
    try:
        client = _connect.connect(address, None, _TIMEOUT)
    except (OSError, ValueError, TypeError) as error:
        raise ClusterError(
            f"No Dask scheduler answers at {address!r} ({str(error).splitlines()[0]}): "
            "check the address, as in 'tcp://host:8786'."
        ) from None
    handle = Handle(None, client, name=name, is_attached=True)
    report(ClusterChanged(name, "running", len(handle.workers())))
    return handle
