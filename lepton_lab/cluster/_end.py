"""Ending a cluster without joining it, as one that does not answer can't be joined."""

from __future__ import annotations

from pathlib import Path

from lepton_lab.cluster import _record
from lepton_lab.errors import ClusterError
from lepton_lab.events import Progress, Report, ignore

PATIENCE = 1.5
"""Seconds that the processes have to end by themselves."""


def end(folder: Path, name: str, report: Report = ignore) -> None:
    """End all processes of the cluster of this name below `folder`, whoever started it, and remove what it left.

    Raises
    ------
    ClusterError
        If there is none, or another kernel is at work on it.
    """
    _record.check_name(name)
    report(Progress("cluster down", f"ending cluster {name}", 0.0))
    folder = Path(folder).absolute()
    known = ", ".join(record.name for record in _record.look(folder))
    with _record.locked(folder, name):
        record = _record.load(folder / name)
        if record is None:
            raise ClusterError(f"There is no cluster {name!r} to end" + (f"; there are: {known}." if known else "."))
        record.remove(PATIENCE)
    report(Progress("cluster down", "done", 1.0))
