"""The live chart: bars are sent anew, and the figure stays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lepton_lab import panels
from lepton_lab.events import MapChanged
from lepton_lab.gantt import Span
from lepton_lab.panels._page import Page
from tests.panels.conftest import Events
from tests.panels.test_page import drawn_on, page_of
from tests.panels.test_schedule import schedule_of


def drawn(lab: Events) -> tuple[panels.Panel, Page]:
    lab.last = schedule_of()
    panel = panels.open(lab, "schedule")
    page = page_of(panel)
    drawn_on(page, panel)
    return panel, page


def test_bars_are_sent_anew_and_the_figure_stays(lab: Events) -> None:
    panel, page = drawn(lab)
    [figure], [chart] = page._figures, page._gantts
    assert chart._bars.data["end"] == pytest.approx([1.0, 1.0, 2.0, 2.0, 1.5, 1.5], abs=0.01)
    assert figure.yaxis[0].major_label_overrides == {0.5: "w0", 1.5: "w1"}
    assert (figure.y_range.start, figure.y_range.end) == (2, 0)
    before = chart._bars.data
    lab.events.publish(MapChanged("running", 2, 4))
    drawn_on(page, panel)
    assert chart._bars.data is before  # nothing has changed
    lab.last = schedule_of(4)
    lab.events.publish(MapChanged("running", 4, 4))
    drawn_on(page, panel)
    assert page._figures == [figure] and len(chart._bars.data["end"]) == 8
    assert max(chart._bars.data["y"]) < 2 and min(chart._bars.data["y"]) > 0


def test_a_new_worker_and_long_times(lab: Events) -> None:
    panel, page = drawn(lab)
    [figure] = page._figures
    later = schedule_of(4)
    lab.last = replace(later, happened=(*later.happened, Span("w0", 3, 7203, "9"), Span("w1", 0, 9, is_lost=True)))
    lab.events.publish(MapChanged("running", 4, 4))
    drawn_on(page, panel)
    assert page._figures == [figure] and figure.xaxis[0].axis_label == "h"
    assert max(page._gantts[0]._bars.data["end"]) == pytest.approx(2, abs=0.01)
    shares = later.workers
    lab.last = replace(later, workers=(*shares, replace(shares[0], worker="w2")))
    lab.events.publish(MapChanged("running", 4, 4))
    drawn_on(page, panel)
    assert page._figures != [figure]
    assert page._figures[0].yaxis[0].major_label_overrides[2.5] == "w2"
