"""The calls that wait, and which of them is whose next."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable

from lepton_lab.schedule._seats import Call, Seat
from lepton_lab.schedule._share import foresee, share_out
from lepton_lab.schedule._speeds import Speeds
from lepton_lab.types import Plan

_PAUSE_SECONDS = 0.05
"""How long a plan is kept at least."""
_DRIFT = 0.2
"""How much a device may be slower or faster than planned before there is a new plan, as a share."""


class Waiting:
    """Gives each worker its next call.

    Where all workers have the same kind of device, and no call's data lies anywhere, that is the first one that waits.
    Else there is a plan by least load: a worker whose part is done gets nothing more as long as a faster one, or one
    that holds the data, would be done with the rest sooner. It is made anew when a worker comes or goes, when one has
    nothing left, and when devices are slower than was thought.
    """

    def __init__(self, calls: Iterable[Call], speeds: Speeds, seats: Callable[[], Collection[Seat]]) -> None:
        self._calls = dict.fromkeys(sorted(calls, key=lambda call: call.order))
        self._has_data = any(call.data is not None for call in self._calls)
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

    def first_that_nobody_can_do(self) -> Call | None:
        """A call that none of the workers can do; the first one, if there is no worker."""
        seats = self._seats()
        return next((call for call in self._calls if not any(self._can(seat, call) for seat in seats)), None)

    def foresee(self) -> Plan | None:
        """When all would be done as things are declared; None where they aren't."""
        return foresee(self._calls, list(self._seats()), self._speeds)

    def next_for(self, seat: Seat) -> Call | None:
        """The worker's next call, which waits no longer; None where it should have none now.

        One that wants more memory than is free at the moment, or the worker for itself, is not overtaken: it might wait
        for ever.
        """
        is_queue = len({each.kind for each in self._seats()}) == 1 and not self._has_data
        if is_queue:
            call = next((call for call in self._calls if self._can(seat, call)), None)
        else:
            if self._is_outdated(seat):
                self._make_plan()
            mine = self._plan.get(seat, [])
            call = mine[-1] if mine else None
        if call is None or not seat.has_room_for(call):
            return None
        if not is_queue:
            self._plan[seat].pop()
        del self._calls[call]
        return call

    def _can(self, seat: Seat, call: Call) -> bool:
        return math.isfinite(self._speeds.seconds(call, seat.info))

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
        shares = share_out(self._calls, seats, self._speeds)
        self._plan = {seat: share[::-1] for seat, share in zip(seats, shares, strict=True)}
