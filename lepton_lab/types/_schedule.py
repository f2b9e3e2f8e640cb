"""What a `lab.map` planned and what happened."""

from __future__ import annotations

from dataclasses import dataclass

from lepton_lab.display import Shown, Table, duration
from lepton_lab.gantt import Gantt, Span, image
from lepton_lab.types._plan import Plan


@dataclass(frozen=True)
class WorkerShare:
    """What one worker did of a `lab.map`."""

    worker: str
    device: str
    """Its kind."""
    threads: int
    calls: int
    """That it finished."""
    busy: float
    """Seconds that these took, of all its threads together."""
    present: float
    """Seconds that it was there, times its threads."""
    is_gone: bool = False
    """Whether it left before the end."""

    @property
    def utilisation(self) -> float:
        """Share of the time of its threads in which they did calls."""
        return min(1.0, self.busy / self.present) if self.present > 0 else 0.0


@dataclass(frozen=True)
class Schedule(Shown):
    """What a `lab.map` planned and what happened; as far as it has come, while it goes on."""

    state: str
    """`running`, `done`, `failed` or `cancelled`."""
    done: int
    """Calls whose results are there."""
    total: int
    happened: tuple[Span, ...]
    """When each call was done, on a row for each thread of each worker, in seconds from the beginning; the name is the
    item's number. Of very many calls, short ones that follow each other are one bar."""
    workers: tuple[WorkerShare, ...]
    makespan: float
    """Seconds until the last call was done, or until now."""
    planned: Plan | None = None
    """As things were declared, for the workers that were there at the beginning; None where nothing was declared."""
    even_share: float | None = None
    """Seconds that it takes by the measured speeds, shared out evenly among the workers, where nothing was declared;
    None before these are known."""
    redone: int = 0
    """Calls that were begun again because their worker was lost."""

    @property
    def bound(self) -> float | None:
        """Seconds below which it can't be: by what was declared, else by what was measured."""
        return self.planned.bound if self.planned is not None else self.even_share

    @property
    def utilisation(self) -> float:
        """Share of the time of the workers' threads in which they did calls."""
        present = sum(share.present for share in self.workers)
        return min(1.0, sum(share.busy for share in self.workers) / present) if present > 0 else 0.0

    @property
    def title(self) -> str:
        """How far it has come, in one line."""
        state = "" if self.state in ("running", "done") else f", {self.state}"
        when = f"after {duration(self.makespan)}" if self.makespan else "so far"
        return f"{self.done:,} of {self.total:,} calls {when}{state}"

    @property
    def facts(self) -> tuple[str, ...]:
        """What is to be said of it besides, a line each."""
        facts = []
        word = {"running": "so far", "done": "took"}.get(self.state, "ended after")
        took = f"{word} {duration(self.makespan)}"
        if self.planned is not None:
            facts.append(f"planned {duration(self.planned.makespan)}, bound {duration(self.planned.bound)}, {took}")
        elif self.even_share is not None:
            facts.append(f"shared out evenly {duration(self.even_share)}, {took}")
        facts.append(f"workers busy {self.utilisation:.0%} of their time")
        if self.redone:
            facts.append(f"{self.redone:,} done again because a worker was lost")
        return tuple(facts)

    def gantt(self) -> Gantt:
        """What was planned above what happened."""
        planned = self.planned.gantt().spans if self.planned is not None else ()
        rows = dict.fromkeys(self.planned.machines if self.planned is not None else ())
        for share in self.workers:
            names = (share.worker,) if share.threads == 1 else (f"{share.worker}/{n}" for n in range(share.threads))
            rows.update(dict.fromkeys(names))
        if self.planned is not None:
            lines: tuple[tuple[str, float], ...] = (("bound", self.planned.bound), ("plan", self.planned.makespan))
        else:
            lines = (("even share", self.even_share),) if self.even_share is not None else ()
        return Gantt(self.title, tuple(rows), self.happened, planned, lines)

    def table(self) -> Table:
        rows = [
            (
                f"{share.worker} (gone)" if share.is_gone else share.worker,
                share.device,
                f"{share.calls:,}",
                duration(share.busy),
                f"{share.utilisation:.0%}",
            )
            for share in self.workers
        ]
        header = ("worker", "device", "calls", "busy", "of its time")
        figures = [image(self.gantt())] if self.happened or self.planned is not None else []
        return Table(self.title, header, rows, notes=self.facts, figures=figures)
