"""What is known of a cluster, in a file in its folder, so that any kernel can find, join and end it."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from lepton_lab.cluster import _processes
from lepton_lab.cluster._plan import WorkerPlan
from lepton_lab.cluster._processes import Process
from lepton_lab.errors import ClusterError, InputError
from lepton_lab.files import read_json, write_json

VERSION = 2
"""Of the record's form; a record of another version is not touched."""


@dataclass(frozen=True)
class Record:
    """A cluster as its folder knows it."""

    name: str
    folder: Path
    detached: bool
    processes: tuple[Process, ...]
    """The scheduler's first, then those that hold workers."""
    workers: tuple[WorkerPlan, ...]
    address: str = ""
    """The scheduler's; empty while it starts."""
    dashboard_port: int = 0
    """0 where there is none."""
    preload: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    """The address of this machine at which scheduler and workers listen."""
    idle_timeout: str = ""
    """Without work for so long, the cluster ends itself; empty for never."""
    adapt: tuple[int, int] | None = None
    """The fewest and the most workers, where their number goes by the work; else None."""

    @property
    def tls(self) -> Path:
        """The folder with certificates and keys."""
        return self.folder / "tls"

    @property
    def logs(self) -> Path:
        """The folder with what the processes wrote."""
        return self.folder / "logs"

    def is_alive(self) -> bool:
        """Whether the scheduler runs."""
        return bool(self.processes) and self.processes[0].is_alive()

    def is_up(self) -> bool:
        """Whether it runs and was started to the end; one that wasn't is a leftover unless somebody holds the lock."""
        return bool(self.address) and self.is_alive()

    def save(self) -> None:
        """Write the record, aside and renamed."""
        values = {key: value for key, value in asdict(self).items() if key != "folder"}
        write_json(self.folder / "cluster.json", {"version": VERSION, **values})

    def remove(self, patience: float = 0.0) -> None:
        """End what is left of the processes, and remove the folder."""
        _processes.end(self.processes, patience)
        shutil.rmtree(self.folder, ignore_errors=True)

    def reloaded(self) -> Record:
        """The record as it stands on disk now; this one if it has gone."""
        return load(self.folder) or self


def load(folder: Path) -> Record | None:
    """The record in this folder; None if there is none, or one that can't be read."""
    try:
        values = read_json(folder / "cluster.json")
        if values.pop("version") != VERSION:
            return None
        values["processes"] = tuple(Process(**process) for process in values["processes"])
        values["workers"] = tuple(WorkerPlan.from_plain(worker) for worker in values["workers"])
        values["preload"] = tuple(values["preload"])
        values["adapt"] = tuple(values["adapt"]) if values["adapt"] else None
        return Record(folder=folder, **values)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def check_version(folder: Path) -> None:
    """Refuse to start over a cluster that lives and whose record another version of the package wrote.

    Raises
    ------
    ClusterError
        Says how to go on.
    """
    try:
        values = read_json(folder / "cluster.json")
        is_alive = values["version"] != VERSION and any(Process(**p).is_alive() for p in values["processes"])
    except (OSError, ValueError, TypeError, KeyError):
        return  # there is none, or its form is unknown
    if is_alive:
        raise ClusterError(
            f"Another version of Lepton Lab started the cluster {folder.name!r}, which is up: end it with that, "
            f"or end its processes and remove {folder}."
        )


def load_all(folder: Path) -> tuple[Record, ...]:
    """The records of living clusters below `folder`, by name; what dead ones left is cleared away."""
    living = []
    for path in sorted(folder.glob("*/cluster.json")):
        record = load(path.parent)
        if record is None:
            continue
        if record.is_up():
            living.append(record)
            continue
        try:
            with locked(folder, record.name):
                again = load(path.parent)
                if again is not None and not again.is_up():
                    again.remove()
        except ClusterError:
            pass  # somebody is at work on it
    return tuple(living)


def look(folder: Path) -> tuple[Record, ...]:
    """The records below `folder`, by name, of living clusters and of dead ones that left something; changes nothing.

    One that somebody is just starting, changing or clearing away is left out unless it lives.
    """
    found = []
    for path in sorted(folder.glob("*/cluster.json")):
        record = load(path.parent)
        if record is None:
            continue
        try:
            if not record.is_up():
                with locked(folder, record.name):
                    pass
        except (ClusterError, OSError):
            continue
        found.append(record)
    return tuple(found)


def check_name(name: str) -> None:
    """Refuse a name that could not be a folder's."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise InputError(f"{name!r} can't name a cluster: use up to 64 letters, digits, '-', '_' and '.'.")


@contextmanager
def locked(folder: Path, name: str) -> Iterator[None]:
    """Keep other kernels from starting, scaling or clearing away the cluster of this name meanwhile."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / f".{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ClusterError(
                f"Another kernel is just starting or changing the cluster {name!r}: wait for it, then try again."
            ) from None
        yield
    finally:
        os.close(descriptor)


def changed(record: Record, **values: object) -> Record:
    """A copy with other values, saved."""
    new = replace(record, **values)  # type: ignore[arg-type]  # the names are checked by Record's constructor
    new.save()
    return new
