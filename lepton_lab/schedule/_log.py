"""What a map planned and what happens, kept within bounds however many calls there are."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from lepton_lab.events import MapChanged, Report
from lepton_lab.gantt import Span, thinned
from lepton_lab.schedule._seats import Call, Seat
from lepton_lab.types import Plan, Schedule

TELL_SECONDS = 0.3
"""How often to tell that something happened."""
MOST_SPANS = 20_000
"""Bars that are kept; beyond that, short ones that follow each other become one."""


class Log:
    """Written by a map on its thread, and read on any.

    Parameters
    ----------
    total
        How many calls there are.
    """

    def __init__(self, total: int, report: Report) -> None:
        self._total, self._report = total, report
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._ended: float | None = None
        self._state = "running"
        self._seats: list[Seat] = []
        self._spans: list[Span] = []
        self._num_done = self._num_redone = 0
        self._last = self._told = 0.0
        self._plan: Plan | None = None
        self._even_share: float | None = None

    def now(self) -> float:
        """Seconds since the map began."""
        return (time.monotonic() if self._ended is None else self._ended) - self._began

    def plan(self, plan: Plan | None) -> None:
        """Note what is planned, before anything is done."""
        self._plan = plan

    def join(self, seat: Seat) -> None:
        """Note that a worker has come."""
        seat.joined = self.now()
        with self._lock:
            self._seats.append(seat)

    def leave(self, seat: Seat, running: Sequence[Call]) -> None:
        """Note that a worker was lost, and with it the calls that it was doing and results that it still had."""
        now = seat.left = self.now()
        began = max(0.0, seat.since - self._began)
        with self._lock:
            self._num_redone += len(running) + len(seat.fetched)
            self._spans += [
                Span(seat.row(n), began, now, str(call.number), False, True) for n, call in enumerate(running)
            ]

    def add(self, span: Span) -> None:
        """Note a call that is done."""
        with self._lock:
            self._num_done, self._last = self._num_done + 1, max(self._last, span.end)
            self._spans.append(span)
            if len(self._spans) > MOST_SPANS:
                rows = len({span.row for span in self._spans})
                self._spans = list(thinned(self._spans, 4 * rows * self._last / MOST_SPANS))

    def tell(self, even_share: float | None) -> None:
        """Tell what has happened, unless that was done a moment ago."""
        self._even_share = even_share
        if self.now() - self._told >= TELL_SECONDS or not self._told:
            self._told = self.now()
            self._report(MapChanged(self._state, self._num_done, self._total, self._num_redone))

    def end(self, state: str) -> None:
        """Note that it is over, and tell it."""
        self._state, self._ended = state, time.monotonic()
        self._report(MapChanged(state, self._num_done, self._total, self._num_redone))

    def schedule(self) -> Schedule:
        """All of this, as it is now."""
        with self._lock:
            now = self.now()
            return Schedule(
                self._state,
                self._num_done,
                self._total,
                tuple(self._spans),
                tuple(seat.share(now) for seat in self._seats),
                self._last if self._state == "done" else now,
                self._plan,
                self._even_share,
                self._num_redone,
            )
