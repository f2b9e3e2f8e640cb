"""Which layout a run takes: the one that was asked for, or with `auto` the one that was measured to be the fastest.

`auto` trains under one layout for a moment, then under the next; nothing that is learnt meanwhile is lost, because the
ranks change over at a checkpoint. Where little is left to do, changing over would cost more than it could win.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from lepton_lab.display import duration
from lepton_lab.train._layout import Layout, layouts
from lepton_lab.train._scoreboard import Scoreboard
from lepton_lab.types import WorkerInfo

MEASURE_SECONDS = 2.0
"""How long a layout is measured, from its first report on."""
WORTH_SECONDS = 20.0
"""How much must be left to do for another layout to be tried."""
SETTLE_SECONDS = 2.0
"""How long new workers must have been there."""
LOOK_SECONDS = 0.5
"""How often to look for new ones."""


class Chooser:
    """Chooses layouts, and says when to change.

    Parameters
    ----------
    strategy, limit
        As for `layouts`.
    note
        Told what was measured, and why a layout was taken.
    """

    def __init__(self, strategy: str, limit: int | None, note: Callable[[str], None]) -> None:
        self._strategy, self._limit, self._note = strategy, limit, note
        self._choices: list[Layout] = []
        self._rates: dict[Layout, float] = {}
        self._chosen: Layout | None = None
        self._began: float | None = None
        self._seen: tuple[str, ...] = ()
        self._since = 0.0
        self._looked = 0.0

    def choose(self, present: Sequence[WorkerInfo]) -> Layout:
        """The layout to go on with."""
        self._began = None
        self._choices = layouts(self._strategy, present, self._limit)
        if self._chosen in self._choices or len(self._choices) == 1:
            self._chosen = self._chosen if self._chosen in self._choices else self._choices[0]
            return self._chosen
        self._chosen = None
        self._rates = {layout: rate for layout, rate in self._rates.items() if layout in self._choices}
        return next((layout for layout in self._choices if layout not in self._rates), self._choices[0])

    def change(self, layout: Layout, board: Scoreboard, present: Callable[[], Sequence[WorkerInfo]]) -> str:
        """Why the ranks should be laid out anew; empty if they should not."""
        if not board.has_progressed:
            return ""
        now = time.monotonic()
        self._began = self._began or now
        if now - self._looked > LOOK_SECONDS:
            self._looked = now
            if came := self._came(present(), now):
                return came
        if self._chosen is None and now - self._began > MEASURE_SECONDS:
            return self._measured(layout, board)
        return ""

    def _came(self, present: Sequence[WorkerInfo], now: float) -> str:
        """Which workers have come that could be used and aren't."""
        names = tuple(sorted(worker.name for worker in present))
        if names != self._seen:
            self._seen, self._since = names, now
        if not present or now - self._since < SETTLE_SECONDS:
            return ""
        used = {name for choice in self._choices for name in choice.workers}
        new = {name for choice in layouts(self._strategy, present, self._limit) for name in choice.workers} - used
        return f"{', '.join(sorted(new))} came" if new else ""

    def _measured(self, layout: Layout, board: Scoreboard) -> str:
        """What follows from a layout's rate."""
        rate, left = board.rate(), board.remaining()
        if rate is None or left is None:
            return ""
        self._rates[layout] = rate
        untried = [choice for choice in self._choices if choice not in self._rates]
        if untried and left > WORTH_SECONDS:
            return f"{untried[0].title} is measured next"
        self._chosen = best = max(self._rates, key=lambda choice: self._rates[choice])
        measured = "; ".join(f"{choice.title} {rate:,.0f} examples/s" for choice, rate in self._rates.items())
        why = f"only {duration(left)} are left, too little to try another" if untried else "the fastest"
        self._note(f"auto measured {measured}: {best.title} is taken, {why}.")
        return "" if best == layout else f"{best.title} is faster"
