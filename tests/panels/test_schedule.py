"""What a map planned above what happened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from lepton_lab import panels
from lepton_lab.events import MapChanged, Progress
from lepton_lab.gantt import Gantt, Span
from lepton_lab.lab import Lab
from lepton_lab.types import Placement, Plan, Schedule, WorkerShare
from tests.panels.conftest import Events

SVG = "{http://www.w3.org/2000/svg}"


def schedule_of(done: int = 2, **changes: object) -> Schedule:
    """Of four calls on two workers."""
    placements = tuple(Placement(str(n), f"w{n % 2}", float(n // 2), n // 2 + 1.0) for n in range(4))
    spans = tuple(Span(f"w{n % 2}", 1.5 * (n // 2), 1.5 * (n // 2) + 1.5, str(n)) for n in range(done))
    shares = tuple(WorkerShare(f"w{n}", "cpu", 1, done // 2, 1.5, 2.0) for n in range(2))
    plan = Plan(placements, ("w0", "w1"), 2.0, 2.0, "least load")
    schedule = Schedule("running", done, 4, spans, shares, 1.6, plan)
    return replace(schedule, **changes)  # type: ignore[arg-type]


def test_planned_and_happened_on_one_axis(lab: Events) -> None:
    lab.last = schedule_of()
    panel = panels.open(lab, "schedule")
    assert str(panel).startswith("lab.map: 2 of 4 calls after 1.6 s")
    panel.svg()
    [gantt] = panel._picture().plots
    assert isinstance(gantt, Gantt) and gantt.rows == ("w0", "w1")
    assert gantt.title == "planned 2.0 s, bound 2.0 s, so far 1.6 s; workers busy 75% of their time"
    assert (len(gantt.planned), len(gantt.spans)) == (4, 2) and dict(gantt.lines) == {"bound": 2.0, "plan": 2.0}
    assert [mark.name for mark in panel._picture().legend] == ["happened", "planned"]
    assert ("w0", "cpu", "1", "1.5 s", "75%") in panel.table().rows
    texts = [text.text for text in ElementTree.fromstring(panel.svg()).iter(f"{SVG}text")]
    assert {"w0", "w1", "planned", "happened", "bound 2.0 s"} <= set(texts)


def test_it_asks_the_lab_only_after_a_change(lab: Events) -> None:
    panel = panels.open(lab, "schedule")
    assert "none has run yet" in str(panel)
    lab.last = schedule_of()
    lab.events.publish(Progress("map", "1 of 4"))
    assert "none has run yet" in str(panel)
    lab.events.publish(MapChanged("running", 2, 4))
    assert "2 of 4 calls" in str(panel)


def test_without_a_plan_there_is_the_even_share(lab: Events) -> None:
    lab.last = schedule_of(planned=None)
    panel = panels.open(lab, "schedule")
    panel.svg()
    [gantt] = panel._picture().plots
    assert isinstance(gantt, Gantt) and gantt.lines == () and gantt.planned == ()
    lab.last = schedule_of(planned=None, even_share=3.0, redone=2)
    lab.events.publish(MapChanged("running", 2, 4))
    assert "shared out evenly 3.0 s, so far 1.6 s" in str(panel) and "2 done again because a worker" in str(panel)


def test_it_leaves_its_last_picture(lab: Events) -> None:
    lab.last = schedule_of()
    panel = panels.open(lab, "schedule")
    lab.events.publish(MapChanged("running", 2, 4))
    lab.last = schedule_of(4, state="done", makespan=3.0)
    lab.events.publish(MapChanged("done", 4, 4))
    assert not panel.is_live
    assert "4 of 4 calls after 3.0 s" in panel.svg() and "took 3.0 s" in panel.svg()


def test_a_real_map(tmp_path: Path) -> None:
    with Lab(tmp_path) as real:
        real.cluster.up(workers=2, threads=1, memory="300MB")
        panel = panels.open(real, "schedule")
        real.map(abs, range(40), seconds={"cpu": 0.001})
        assert not panel.is_live and "40 of 40 calls" in panel.svg()
        assert len(panel.svg()) < 100_000
