"""Which workers a cluster has, which it lost, and why.

What is here now the scheduler says. A worker that it doesn't name any more has left on purpose, or was lost: its
process died, which its nanny tells (`_nanny`), or it can't be reached, and nobody can tell why.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lepton_lab.cluster._connect import worker_infos
from lepton_lab.types import WorkerInfo

EXITS = "lepton-exits"
"""The scheduler's topic under which the ends of workers' processes are told."""
UNREACHABLE = "it can't be reached"


@dataclass(frozen=True)
class Exit:
    """The end of a worker's process that nobody asked for."""

    worker: str
    """Its name."""
    why: str
    """For a person: `"it ran out of memory: more than 95 % of 500.0 MB"`."""
    time: float
    """Seconds since the epoch."""


class Roll:
    """Remembers who was here.

    Parameters
    ----------
    expected
        Gives the names of the workers that there should be, as far as they are known.
    left
        Whether the worker at an address left on purpose.
    """

    def __init__(self, expected: Callable[[], Collection[str]], left: Callable[[str], bool]) -> None:
        self._expected, self._left = expected, left
        self._own: set[str] = set()
        self._is_first = True
        self.here: tuple[WorkerInfo, ...] = ()
        """Those that the scheduler knows."""
        self.missing: tuple[WorkerInfo, ...] = ()
        """Those that should be here and are not; their state is `lost`, or `starting` if they never were here."""

    def call(self, described: Mapping[str, Mapping[str, Any]], exits: Sequence[Exit]) -> list[str]:
        """Take note of who is here now; gives what has changed since the last time, in words."""
        before = {worker.name: worker for worker in self.here}
        lost = {worker.name: worker for worker in self.missing}
        expected = set(self._expected())
        self._own |= expected
        here = {worker.name: _with_losses(worker, exits) for worker in worker_infos(described)}
        missing = {}
        for name in (*before, *lost, *sorted(expected)):
            if name in here or (name in self._own and name not in expected):
                continue
            known = before.get(name) or lost.get(name)
            if known is None:
                missing[name] = WorkerInfo(name, "", "", 0, 0, "starting")
            elif known.state == "starting" and _with_losses(known, exits).losses == known.losses:
                missing[name] = known
            elif name in lost or not self._left(known.address):
                now = _with_losses(known, exits)
                missing[name] = replace(known, state="lost", why=now.why if now.losses > known.losses else UNREACHABLE)
        news = [
            f"{name} was lost: {worker.why}"
            for name, worker in missing.items()
            if name in before and worker.state == "lost"
        ]
        for name, worker in here.items():
            if name in before and worker.address != before[name].address:
                news.append(f"{name} was lost ({worker.why or UNREACHABLE}) and started again")
            elif name not in before:
                news.append(f"{name} is back" if name in lost and lost[name].state == "lost" else f"{name} has joined")
        news += [f"{name} has left" for name in before if name not in here and name not in missing]
        self.here, self.missing = tuple(here.values()), tuple(missing.values())
        if self._is_first:
            self._is_first = False
            return []
        return news


def _with_losses(worker: WorkerInfo, exits: Sequence[Exit]) -> WorkerInfo:
    whys = [exit_.why for exit_ in exits if exit_.worker == worker.name]
    return replace(worker, losses=len(whys), why=whys[-1] if whys else "")


def exits_from(events: Sequence[tuple[float, Mapping[str, Any]]]) -> list[Exit]:
    """What the nannies told, as the scheduler keeps it."""
    return [Exit(str(told["worker"]), str(told["why"]), float(told["time"])) for _, told in events]
