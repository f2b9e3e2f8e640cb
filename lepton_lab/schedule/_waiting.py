"""The calls that wait, and which of them is whose next."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable

import numpy as np

from lepton_lab.schedule._least_load import improved, least_load
from lepton_lab.schedule._problem import Problem
from lepton_lab.schedule._seats import Call, Seat, Speeds

_PAUSE_SECONDS = 0.05
"""How long a plan is kept at least."""
_DRIFT = 0.2
"""How much a device may be slower or faster than planned before there is a new plan, as a share."""
_IMPROVED = 200
"""Calls up to which a plan by least load is made better."""


class Waiting:
    """Gives each worker its next call.

    Where all workers have the same kind of device, that is the first one that waits. Else there is a plan by least
    load: a worker whose part is done gets nothing more as long as a faster one would be done with the rest sooner. It
    is made anew when a worker comes or goes, when one has nothing left, and when devices are slower than was thought.
    """

    def __init__(self, calls: Iterable[Call], speeds: Speeds, seats: Callable[[], Collection[Seat]]) -> None:
        self._calls = dict.fromkeys(sorted(calls, key=lambda call: call.order))
        self._speeds, self._seats = speeds, seats
        self._plan: dict[Seat, list[Call]] = {}
        self._planned_at = 0.0
        self._planned_by: dict[str, float] = {}

    def __bool__(self) -> bool:
        return bool(self._calls)

    def back(self, calls: Iterable[Call]) -> None:
        """Take calls that were given away."""
        self._calls = dict.fromkeys(sorted([*calls, *self._calls], key=lambda call: call.order))
        self._plan = {}

    def first_that_needs_more(self, kinds: Collection[str]) -> Call | None:
        """A call that none of these kinds of devices can do."""
        return next((call for call in self._calls if not any(np.isfinite(call.declared(k)) for k in kinds)), None)

    def next_for(self, seat: Seat) -> Call | None:
        """The worker's next call, which waits no longer; None where it should have none now."""
        if len({each.kind for each in self._seats()}) == 1:
            call = next((call for call in self._calls if np.isfinite(call.declared(seat.kind))), None)
        else:
            if self._is_outdated(seat):
                self._make_plan()
            mine = self._plan.get(seat, [])
            call = mine.pop() if mine else None
        if call is not None:
            del self._calls[call]
        return call

    def _is_outdated(self, seat: Seat) -> bool:
        if self._plan.keys() != set(self._seats()):
            return True
        drifts = (abs(self._speeds.factor(kind) / factor - 1) > _DRIFT for kind, factor in self._planned_by.items())
        wants = not self._plan[seat] or any(drifts)
        return wants and time.monotonic() - self._planned_at > _PAUSE_SECONDS

    def _make_plan(self) -> None:
        seats = list(self._seats())
        self._planned_at = time.monotonic()
        self._planned_by = {seat.kind: max(self._speeds.factor(seat.kind), 1e-9) for seat in seats}
        self._plan = {seat: [] for seat in seats}
        seconds = np.array(
            [[self._speeds.seconds(call, seat.kind) / seat.info.threads for seat in seats] for call in self._calls]
        )
        able = np.isfinite(seconds).any(axis=1)
        calls = [call for call, is_able in zip(self._calls, able, strict=True) if is_able]
        ready = np.array([seat.free_after(self._speeds) for seat in seats])
        problem = Problem(seconds[able], ready, np.zeros(len(calls)), np.full(len(seats), np.inf))
        choice = least_load(problem)
        assert choice is not None  # since nothing has a capacity
        if len(calls) <= _IMPROVED:
            choice = improved(problem, choice)
        for call, column in zip(reversed(calls), choice[::-1], strict=True):
            self._plan[seats[column]].append(call)
