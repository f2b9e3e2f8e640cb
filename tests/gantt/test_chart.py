"""Charts as values."""

from __future__ import annotations

import pytest

from lepton_lab.gantt import Span, image, thinned, time_ticks
from lepton_lab.gantt._chart import MOST_ROWS, MOST_SPANS
from tests.gantt.test_svg import chart


@pytest.mark.parametrize(("rows", "spans"), [(1, 20_000), (40, 500), (300, 30)])
def test_very_many_stay_light(rows: int, spans: int) -> None:
    gantt = chart(rows, spans).light()
    assert len(gantt.rows) <= MOST_ROWS and len(gantt.spans) <= MOST_SPANS
    shown = sum(span.count for span in gantt.spans)
    assert shown == min(rows, MOST_ROWS) * spans and "short ones drawn together" in gantt.title
    assert len(image(gantt)) < 250_000


def test_only_near_and_short_ones_are_drawn_together() -> None:
    spans = [Span("a", 0, 1, "x"), Span("a", 1, 2, "y", is_late=True), Span("b", 0, 1, "z"), Span("a", 9, 10, "w")]
    found = thinned(spans, 2.5)
    assert [(span.row, span.start, span.end, span.count, span.is_late) for span in found] == [
        ("a", 0, 2, 2, True),
        ("b", 0, 1, 1, False),
        ("a", 9, 10, 1, False),
    ]
    assert found[0].words == "2 together on a: 2.0 s, from 0.0 s to 2.0 s, late"
    assert thinned([Span("a", 0, 1), Span("a", 1, 2, is_lost=True)], 9)[1].is_lost


@pytest.mark.parametrize(
    ("end", "unit", "last"),
    [(0.02, "ms", 0.02), (6, "s", 6), (119, "s", 105), (1000, "min", 900), (22032, "h", 21600), (1e6, "d", 864000)],
)
def test_ticks_of_time(end: float, unit: str, last: float) -> None:
    name, seconds, ticks = time_ticks(end)
    assert name == unit and ticks[0] == 0 and ticks[-1] == pytest.approx(last) and 3 <= len(ticks) <= 9
    assert all(len(f"{tick / seconds:g}") <= 4 for tick in ticks)
