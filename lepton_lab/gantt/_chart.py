"""A chart as a value, and how it stays light."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from lepton_lab.display import duration

MOST_ROWS = 60
"""Rows that are drawn; of more, the first ones."""
MOST_SPANS = 700
"""Bars that are drawn, about: short ones are drawn together beyond that."""
SHORTEST = 1 / 450
"""Of the time axis: what is shorter is drawn together with its neighbours."""
PLANNED = 0.35
"""Opacity of what was planned, where what happened is drawn too."""
BLUE, RED, GREY = "#0072B2", "#C44E00", "#8a8a8a"
"""Of what is done in time, done late, and lost. White names can be read on the first two, on any page."""
_UNITS = (("d", 86400.0, 3 * 86400.0), ("h", 3600.0, 7200.0), ("min", 60.0, 120.0), ("s", 1.0, 0.5), ("ms", 0.001, 0.0))
"""Units of time, their seconds, and from how many seconds on each is used."""
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800)
"""Seconds between two ticks; below and beyond, powers of ten times 1, 2 and 5."""


@dataclass(frozen=True)
class Span:
    """A bar: a stretch of time on a row."""

    row: str
    start: float
    """Seconds."""
    end: float
    name: str = ""
    """What stands in it where there is room."""
    is_late: bool = False
    is_lost: bool = False
    """Whether it came to nothing, since its worker was lost."""
    is_open: bool = False
    """Whether it still goes on."""
    count: int = 1
    """How many it stands for, where short ones are drawn as one."""

    def later(self, seconds: float) -> Span:
        """The same, so much later."""
        start, end = self.start + seconds, self.end + seconds
        return Span(self.row, start, end, self.name, self.is_late, self.is_lost, self.is_open, self.count)

    @property
    def words(self) -> str:
        """What is said of it under the pointer."""
        what = self.name if self.count == 1 else f"{self.count:,} together"
        marks = ", late" * self.is_late + ", lost with its worker" * self.is_lost + ", still going on" * self.is_open
        took = duration(self.end - self.start)
        return f"{what} on {self.row}: {took}, from {duration(self.start)} to {duration(self.end)}{marks}"

    @property
    def opacity(self) -> float:
        """Of what happened; what was planned is drawn at `PLANNED`."""
        return 0.15 if self.is_lost else 0.6 if self.is_open else 1.0

    @property
    def color(self) -> str:
        """Which says what became of it."""
        return GREY if self.is_lost else RED if self.is_late else BLUE


@dataclass(frozen=True)
class Gantt:
    """Bars on rows over seconds; where there are planned ones too, these are pale and stand above the others."""

    title: str
    rows: tuple[str, ...]
    """From the top."""
    spans: tuple[Span, ...]
    planned: tuple[Span, ...] = ()
    lines: tuple[tuple[str, float], ...] = ()
    """Moments with a vertical line, and what each is."""

    @property
    def end(self) -> float:
        """Of the time axis, in seconds."""
        ends = (*(span.end for span in (*self.spans, *self.planned)), *(moment for _, moment in self.lines))
        return 1.02 * max(ends, default=0.0) or 1.0

    @property
    def key(self) -> object:
        """What can't change without drawing anew; the bars, the lines and the title can."""
        return self.rows, bool(self.planned)

    def looks(self) -> list[tuple[str, str, float]]:
        """What the bars' looks mean: name, colour and opacity of each look that there is."""
        is_late = any(span.is_late for span in (*self.spans, *self.planned))
        looks = [("happened" if self.planned else "in time" if is_late else "done", BLUE, 1.0)]
        looks += [("planned", BLUE, PLANNED)] if self.planned else []
        looks += [("late", RED, 1.0)] if is_late else []
        looks += [("going on", BLUE, 0.6)] if any(span.is_open for span in self.spans) else []
        return looks + ([("lost", GREY, 0.15)] if any(span.is_lost for span in self.spans) else [])

    def light(self) -> Gantt:
        """The same with no more rows and bars than can be seen: short ones that follow each other are one."""
        rows = self.rows[:MOST_ROWS]
        shortest = self.end * max(SHORTEST, 2 * len(rows) * (2 if self.planned else 1) / MOST_SPANS)
        spans, planned = (
            thinned((span for span in each if span.row in set(rows)), shortest) for each in (self.spans, self.planned)
        )
        facts = [f"the first {MOST_ROWS} of {len(self.rows)} rows"] * (len(rows) < len(self.rows))
        facts += ["short ones drawn together"] * any(span.count > 1 for span in (*spans, *planned))
        title = f"{self.title} ({', '.join(facts)})" if facts else self.title
        return Gantt(title, rows, spans, planned, self.lines)


def thinned(spans: Iterable[Span], shortest: float) -> tuple[Span, ...]:
    """The bars, with those drawn as one that follow each other closely on a row and together are short.

    Parameters
    ----------
    shortest
        Seconds.
    """
    last: dict[object, Span] = {}
    found: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start):
        key = (span.row, span.is_lost, span.is_open)
        before = last.get(key)
        is_near = before is not None and span.start - before.end <= shortest / 4
        if before is not None and is_near and span.end - before.start <= shortest:
            count, is_late = before.count + span.count, before.is_late or span.is_late
            last[key] = replace(before, end=max(before.end, span.end), is_late=is_late, count=count)
            continue
        if before is not None:
            found.append(before)
        last[key] = span
    return tuple(sorted((*found, *last.values()), key=lambda span: span.start))


def time_ticks(end: float, num: int = 8) -> tuple[str, float, list[float]]:
    """The unit of an axis from 0 to `end` seconds, how many seconds that is, and its ticks in seconds, about `num`."""
    name, unit = next((name, unit) for name, unit, least in _UNITS if end >= least)
    powers = [factor * 10.0**power for power in range(-9, 13) for factor in (1, 2, 5)]
    steps = [step for step in powers if step < 1] + list(_STEPS) + [step for step in powers if step > _STEPS[-1]]
    step = next(step for step in steps if end / step <= num)
    return name, unit, [round(i * step, 12) for i in range(int(end / step + 1e-9) + 1)]
