"""Workers and their devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lepton_lab.display import Shown, Table, size


@dataclass(frozen=True)
class Device:
    """A device of a worker."""

    worker: str
    kind: str
    """`cpu`, `gpu`, `tpu` or a plug-in's."""
    name: str
    """The maker's name: `"AMD EPYC 7763"`, `"NVIDIA H200"`."""
    units: int = 1
    """Cores that may be used, for a CPU."""
    memory: int = 0
    """Bytes; for a CPU the worker's limit."""
    detail: str = ""
    """Instruction sets, driver, and the like."""
    load: float | None = None
    """Percent busy; None where it can't be told."""
    memory_used: float | None = None
    """Bytes; for a CPU those of the worker and its training processes."""
    power: float | None = None
    """Watts."""
    temperature: float | None = None
    """Degrees Celsius."""


@dataclass(frozen=True)
class DeviceTable(Shown):
    """The devices of all workers."""

    devices: tuple[Device, ...]

    def table(self) -> Table:
        """Without the columns in which there is nothing."""
        columns: dict[str, list[str]] = {
            "worker": [d.worker for d in self.devices],
            "kind": [d.kind for d in self.devices],
            "device": [d.name for d in self.devices],
            "cores": [str(d.units) if d.kind == "cpu" else "-" for d in self.devices],
            "memory": [size(d.memory) if d.memory else "-" for d in self.devices],
            "used": ["-" if d.memory_used is None else size(int(d.memory_used)) for d in self.devices],
            "load": [_cell(d.load, "%") for d in self.devices],
            "power": [_cell(d.power, "W") for d in self.devices],
            "temperature": [_cell(d.temperature, "\N{DEGREE SIGN}C") for d in self.devices],
            "": [d.detail for d in self.devices],
        }
        shown = {name: cells for name, cells in columns.items() if set(cells) - {"-", ""}}
        return Table("Devices", tuple(shown), [*zip(*shown.values(), strict=True)])


def _cell(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:.0f} {unit}"


@dataclass(frozen=True)
class WorkerInfo:
    """A worker of the cluster, as the scheduler sees it."""

    name: str
    address: str
    host: str
    threads: int
    memory_limit: int
    """Bytes; 0 means without limit."""
    state: str = "running"
    """`running`, `paused` (its memory is nearly full), `lost`, or another word of Dask's."""
    device: str = "cpu"
    """What it was started to compute on: `cpu`, `gpu`, `tpu` or a plug-in's kind."""
    losses: int = 0
    """How often its process died and was started again."""
    why: str = ""
    """Why it was lost the last time, for a person."""


@dataclass(frozen=True)
class Sight:
    """Which workers see a folder of the kernel's machine and may write into it."""

    folder: Path
    seeing: tuple[WorkerInfo, ...]
    """Also those that didn't answer: that they don't work is said where they are needed."""
    blind: tuple[WorkerInfo, ...] = ()

    @property
    def note(self) -> str:
        """Who doesn't see it and how to mend that, without a full stop; empty where all see it."""
        if not self.blind:
            return ""
        *others, last = sorted(worker.name for worker in self.blind)
        names, verb = (f"{', '.join(others)} and {last}", "don't") if others else (last, "doesn't")
        return (
            f"{names} {verb} see {self.folder}, or may not write there: mount it under the same path on "
            f"{', '.join(sorted({worker.host for worker in self.blind}))}"
        )


@dataclass(frozen=True)
class ClusterInfo(Shown):
    """A cluster, its workers and how to look at it."""

    name: str
    state: Literal["running", "down"]
    address: str = ""
    """The scheduler's address, such as `tls://127.0.0.1:39211`."""
    dashboard: str = ""
    """Address of Dask's dashboard as seen from the browser; empty where there is none."""
    workers: tuple[WorkerInfo, ...] = ()
    missing: tuple[WorkerInfo, ...] = ()
    """Workers that were lost and are not back yet."""
    detached: bool = False
    """Whether it outlives the kernel."""
    folder: Path | None = None
    """Where its record, certificates and logs lie."""
    devices: DeviceTable = field(default_factory=lambda: DeviceTable(()))
    seconds: float | None = None
    """How long it took to come up, where it just did."""
    is_attached: bool = False
    """Whether it was started elsewhere and this kernel only joined it."""
    notes: tuple[str, ...] = ()
    """What a person should know besides: versions that differ, certificates that will soon have expired."""
    adapt: tuple[int, int] | None = None
    """The fewest and the most workers, where their number goes by the work."""

    def table(self) -> Table:
        if self.state == "down":
            return Table("No cluster is up.", notes=["start one: %lepton cluster up"])
        took = f" in {self.seconds:.1f} s" if self.seconds is not None else ""
        plural = "" if len(self.workers) == 1 else "s"
        devices = self.devices.table()
        kernel = "the kernel that started it" if self.is_attached else "this kernel"
        return Table(
            f"Cluster {self.name}: {len(self.workers)} worker{plural} up{took}",
            devices.header if devices.rows else ("worker", "address", "threads", "memory", "state"),
            devices.rows or [(w.name, w.address, w.threads, size(w.memory_limit), w.state) for w in self.workers],
            notes=[
                f"{self.address}, " + ("outlives this kernel" if self.detached else f"ends with {kernel}"),
                *([f"{self.adapt[0]} to {self.adapt[1]} workers, as many as there is work for"] if self.adapt else []),
                *(
                    f"{w.name} is {'being started' if w.state == 'starting' else f'lost: {w.why}'}"
                    for w in self.missing
                ),
                *(f"{w.name} is {w.state}: its memory is nearly full" for w in self.workers if w.state == "paused"),
                *(f"{w.name} died {_times(w.losses)} {w.why}" for w in self.workers if w.losses),
                *self.notes,
            ],
            links=[("dashboard", self.dashboard)] if self.dashboard else [],
        )


def _times(count: int) -> str:
    return "once:" if count == 1 else f"{'twice' if count == 2 else f'{count} times'}; the last time"


@dataclass(frozen=True)
class ClusterLogs(Shown):
    """The last lines that each process of the cluster wrote."""

    lines: Mapping[str, Sequence[str]]
    """By process: `"scheduler"`, or a worker's name."""

    def table(self) -> Table:
        return Table(
            "Logs", ("process", "line"), [(process, line) for process, lines in self.lines.items() for line in lines]
        )


@dataclass(frozen=True)
class Invitation(Shown):
    """A file with which another host's workers may join a cluster."""

    path: Path
    cluster: str

    def table(self) -> Table:
        line = f"python -m lepton_lab.cluster.join {self.path.name}"
        notes = ["it holds a key: hand it on as you would a password"]
        return Table(f"Invitation to {self.cluster}", ("file", "there"), [(str(self.path), line)], notes=notes)
