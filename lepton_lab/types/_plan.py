"""Who does what and when, before it is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass
from itertools import islice

from lepton_lab.display import Shown, Table, duration
from lepton_lab.gantt import Gantt, Span, image

_SOME = 8
"""Names that are written out of many."""


@dataclass(frozen=True)
class Task:
    """Something to be done once, on one machine, without a break."""

    name: str
    seconds: Mapping[str, float]
    """How long it takes by kind of device, such as `{"cpu": 4.0, "gpu": 0.5}`; other kinds can't do it."""
    demand: float = 0.0
    """What it uses up of its machine's capacity, in the same unit."""
    priority: int = 0
    """A machine does its tasks of a higher priority first."""
    deadline: float | None = None
    """Seconds from now until it should be done."""
    num_bytes: int = 0
    """What has to be sent to a machine that doesn't hold it."""
    at: tuple[str, ...] = ()
    """Names of the machines that hold it."""


@dataclass(frozen=True)
class Machine:
    """What does one task at a time."""

    name: str
    kind: str = "cpu"
    capacity: float | None = None
    """What its tasks may use up together; None for no bound."""
    ready: float = 0.0
    """Seconds from now until it is free."""
    slowness: float = 1.0
    """How many times as long as said a task takes here."""
    bytes_per_second: float | None = None
    """How fast data reaches it; None where that counts nothing."""


@dataclass(frozen=True)
class Placement:
    """A task on its machine."""

    task: str
    machine: str
    start: float
    """Seconds from now."""
    end: float
    is_late: bool = False
    """Whether it is done after its deadline."""


@dataclass(frozen=True)
class Plan(Shown):
    """Every task's machine and time."""

    placements: tuple[Placement, ...]
    """In the order in which they start."""
    machines: tuple[str, ...]
    makespan: float
    """Seconds until all is done."""
    bound: float
    """Seconds below which no plan can be."""
    method: str
    """How it was found: `least load` or `exact`."""

    @property
    def gap(self) -> float:
        """How much longer than the best plan it may take, as a share of the bound."""
        return max(0.0, self.makespan / self.bound - 1) if self.bound > 0 else 0.0

    def of(self, machine: str) -> tuple[Placement, ...]:
        """What a machine does, in order."""
        return tuple(placement for placement in self.placements if placement.machine == machine)

    def gantt(self) -> Gantt:
        """The plan as a chart."""
        spans = tuple(Span(each.machine, each.start, each.end, each.task, each.is_late) for each in self.placements)
        lines = (("bound", self.bound),) if spans else ()
        return Gantt(f"Plan for {_tasks(spans)}: done after {duration(self.makespan)}", self.machines, spans, (), lines)

    def table(self) -> Table:
        rows = [
            (name, len(mine := self.of(name)), duration(mine[-1].end) if mine else "-", _some(p.task for p in mine))
            for name in self.machines
        ]
        gap = f"at most {self.gap:.2%}" if self.gap >= 5e-5 else "less than 0.01%"
        how = "no plan is shorter" if self.gap < 1e-6 else f"{gap} longer than the best"
        late = [placement.task for placement in self.placements if placement.is_late]
        notes = [f"done after {duration(self.makespan)}: {how} ({self.method})"]
        notes += [f"{len(late):,} late: {_some(late)}"] if late else []
        header = ("machine", "tasks", "done after", "")
        figures = [image(self.gantt())] if self.placements else []
        return Table(f"Plan for {_tasks(self.placements)}", header, rows, notes=notes, figures=figures)


def _tasks(each: Sized) -> str:
    """`1 task`, `1,200 tasks`."""
    return f"{len(each):,} task{'' if len(each) == 1 else 's'}"


def _some(names: Iterable[str]) -> str:
    """The first of them, with commas between."""
    first = list(islice(names, _SOME + 1))
    return ", ".join(first[:_SOME]) + (", ..." if len(first) > _SOME else "")
