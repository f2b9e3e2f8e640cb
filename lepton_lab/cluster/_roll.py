"""Which workers a cluster has, which it lost, and why.

What is here now the scheduler says. A worker that it doesn't name any more has left on purpose, or was lost: its
process died, which its nanny tells (`_nanny`), or it can't be reached, and nobody can tell why.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lepton_lab.cluster._connect import worker_infos
from lepton_lab.types import WorkerInfo

EXITS = "lepton-exits"
"""The scheduler's topic under which the ends of workers' processes are told."""
UNREACHABLE = "it can't be reached"
WHY_SECONDS = 1.0
"""For how long a loss isn't told, since its reason may come a moment later: the scheduler sees it by itself."""


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
    patience
        Seconds to wait for the reason of a loss.
    """

    def __init__(
        self, expected: Callable[[], Collection[str]], left: Callable[[str], bool], patience: float = WHY_SECONDS
    ) -> None:
        self._expected, self._left, self._patience = expected, left, patience
        self._untold: dict[str, tuple[WorkerInfo, float]] = {}
        """Workers as they were before they were lost, which hasn't been told, and since when (`time.monotonic`)."""
        self._earlier: dict[str, int] = {}
        """By address: how often that worker's predecessors of the same name had been lost when it was first seen."""
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
        for worker in here.values():
            self._earlier.setdefault(worker.address, worker.losses)
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
                missing[name] = replace(known, state="lost", why=self._why(known, exits))
        news = self._losses(before, missing)
        for name, worker in here.items():
            former = self._untold.pop(name)[0] if name in self._untold else before.get(name)
            if former is not None and worker.address != former.address:
                news.append(f"{name} was lost ({self._why(former, exits)}) and started again")
            elif former is None:
                news.append(f"{name} is back" if name in lost and lost[name].state == "lost" else f"{name} has joined")
        news += [f"{name} has left" for name in before if name not in here and name not in missing]
        self._untold = {name: known for name, known in self._untold.items() if name in missing}
        self.here, self.missing = tuple(here.values()), tuple(missing.values())
        known_addresses = {worker.address for worker in (*self.here, *self.missing)}
        self._earlier = {address: count for address, count in self._earlier.items() if address in known_addresses}
        if self._is_first:
            self._is_first = False
            return []
        return news

    def _why(self, worker: WorkerInfo, exits: Sequence[Exit]) -> str:
        """Why it was lost, as far as is known; that may have been told while the scheduler still named it."""
        now = _with_losses(worker, exits)
        return now.why if now.losses > self._earlier.get(worker.address, worker.losses) else UNREACHABLE

    def _losses(self, before: Mapping[str, WorkerInfo], missing: Mapping[str, WorkerInfo]) -> list[str]:
        """What is to be told now of workers that are lost."""
        now, news = time.monotonic(), []
        for name, worker in missing.items():
            if name in before and worker.state == "lost":
                self._untold[name] = before[name], now
            if name in self._untold and (worker.why != UNREACHABLE or now - self._untold[name][1] >= self._patience):
                del self._untold[name]
                news.append(f"{name} was lost: {worker.why}")
        return news


def _with_losses(worker: WorkerInfo, exits: Sequence[Exit]) -> WorkerInfo:
    whys = [exit_.why for exit_ in exits if exit_.worker == worker.name]
    return replace(worker, losses=len(whys), why=whys[-1] if whys else "")


def exits_from(events: Sequence[tuple[float, Mapping[str, Any]]]) -> list[Exit]:
    """What the nannies told, as the scheduler keeps it."""
    return [Exit(str(told["worker"]), str(told["why"]), float(told["time"])) for _, told in events]
