"""What a map planned and what happens, kept within bounds however many calls there are."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence

from lepton_lab.events import MapChanged, Report
from lepton_lab.gantt import Span, thinned
from lepton_lab.schedule._carry import Ran
from lepton_lab.schedule._seats import Call, Seat
from lepton_lab.types import Plan, Schedule

TELL_SECONDS = 0.3
"""How often to tell that something happened."""
MOST_SPANS = 3000
"""Bars that are kept, about; beyond that, short ones that follow each other on a worker become one."""
FEWEST_SPANS = 100
"""Bars of a worker that are kept in any case."""


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
        self._spans: dict[Seat, list[Span]] = {}
        """What each worker did, by its own clock: how that differs from ours is known ever better."""
        self._lost: list[Span] = []
        self._num_done = self._num_redone = 0
        self._told = 0.0
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
            self._spans[seat] = []

    def leave(self, seat: Seat, running: Sequence[Call]) -> None:
        """Note that a worker was lost, and with it the calls that it was doing and results that it still had."""
        now = seat.left = self.now()
        began = max(0.0, seat.since - self._began)
        with self._lock:
            self._num_redone += len(running) + len(seat.fetched)
            for thread, call in enumerate(running):
                self._lost.append(Span(seat.row(thread), began, now, str(call.number), is_lost=True))

    def add(self, seat: Seat, call: Call, ran: Ran, heard: float) -> None:
        """Note a call that is done, and that it was heard of then."""
        with self._lock:
            self._num_done += 1
            spans = self._spans[seat]
            spans.append(seat.note(call, ran, heard))
            limit = max(FEWEST_SPANS, MOST_SPANS // len(self._spans))
            if len(spans) > limit:
                spans[:] = thinned(spans, 4 * seat.info.threads * (spans[-1].end - spans[0].start) / limit)

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
        with self._lock:  # for a moment only: the map waits for it
            now, state, num_done = self.now(), self._state, self._num_done
            theirs, lost = [(seat.lag, tuple(spans)) for seat, spans in self._spans.items()], tuple(self._lost)
            shares = tuple(seat.share(now) for seat in self._spans)
        spans = [span.later(lag) for lag, mine in theirs for span in mine]
        open_ = self._running(spans, now) if state == "running" else []
        return Schedule(
            state,
            num_done,
            self._total,
            tuple(sorted((*spans, *open_, *lost), key=lambda span: span.start)),
            shares,
            max((span.end for span in spans), default=0.0) if state == "done" else now,
            self._plan,
            self._even_share,
            self._num_redone,
        )

    def _running(self, spans: Iterable[Span], now: float) -> list[Span]:
        """What is being done, as far as is known: a thread that is done goes on at once with what was sent."""
        ends: dict[str, float] = {}
        for span in spans:
            ends[span.row] = max(span.end, ends.get(span.row, 0.0))
        found = []
        for seat in tuple(self._spans):
            rows = sorted(map(seat.row, range(seat.info.threads)), key=lambda row: ends.get(row, 0.0))
            for row, call in zip(rows, list(seat.sent.values()), strict=False):
                start = min(max(ends.get(row, 0.0), call.sent), now)
                found.append(Span(row, start, now, str(call.number), call.is_late(now), is_open=True))
        return found
