"""What every panel does, whichever it is."""

from __future__ import annotations

import threading
import time
from xml.etree import ElementTree

import pytest

from lepton_lab import panels
from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.events import Bus, ClusterChanged, Event, MapChanged, NamesChanged, RunChanged, WorkerLoad
from tests.panels.conftest import Events, loads, training

STARTS: dict[str, Event] = {
    "devices": ClusterChanged("c", "running", 2),
    "training": RunChanged("r", "running"),
    "tasks": ClusterChanged("c", "running", 2),
    "shards": ClusterChanged("c", "running", 2),
    "compression": NamesChanged("model", "m"),
    "schedule": MapChanged("running", 0, 9),
}
ENDS: dict[str, Event] = {
    "devices": ClusterChanged("c", "down"),
    "training": RunChanged("r", "failed"),
    "tasks": ClusterChanged("c", "down"),
    "shards": ClusterChanged("c", "down"),
    "schedule": MapChanged("done", 9, 9),
}
OVER_TIME = ("devices", "training", "tasks")
"""The panels that draw lines."""


def num_subscribers(bus: Bus) -> int:
    return len(bus._subscribers)


def test_an_unknown_name_suggests_the_nearest(lab: Events) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'devices'"):
        panels.open(lab, "device")


@pytest.mark.parametrize("name", panels.PANELS)
class TestEveryPanel:
    def test_it_shows_itself_before_anything_happened(self, lab: Events, name: str) -> None:
        with_nothing = panels.open(lab, name)
        assert "yet" in str(with_nothing)
        ElementTree.fromstring(with_nothing.svg())

    def test_close_ends_listening_and_may_be_repeated(self, lab: Events, name: str) -> None:
        panel = panels.open(lab, name)
        assert panel.is_live and num_subscribers(lab.events) == 1
        panel.close()
        panel.close()
        assert not panel.is_live and num_subscribers(lab.events) == 0
        before = panel.svg()
        for event in (STARTS[name], *loads(2, 5)):
            lab.events.publish(event)
        assert panel.svg() == before

    def test_docked_it_goes_on_until_it_is_closed(self, lab: Events, name: str) -> None:
        panel = panels.open(lab, name)
        assert panel.dock() == panel.dock() != ""
        for event in (STARTS[name], *loads(2, 5), *([ENDS[name]] if name in ENDS else []), STARTS[name]):
            lab.events.publish(event)
        assert panel.is_live and panel._thread is not None
        panel.close()
        assert not panel.is_live and not panel._thread.is_alive()
        with pytest.raises(InputError, match=f"The {name} panel has ended"):
            panel.dock()


@pytest.mark.parametrize("name", ENDS)
def test_it_ends_by_itself(lab: Events, name: str) -> None:
    panel = panels.open(lab, name)
    for event in (STARTS[name], ENDS[name]):
        lab.events.publish(event)
    assert not panel.is_live and num_subscribers(lab.events) == 0


@pytest.mark.parametrize("name", OVER_TIME)
class TestEveryPanelOverTime:
    def test_it_ends_by_itself_and_the_picture_stays(self, lab: Events, name: str) -> None:
        panel = panels.open(lab, name)
        for event in (STARTS[name], *loads(2, 5), ENDS[name]):
            lab.events.publish(event)
        assert not panel.is_live and num_subscribers(lab.events) == 0
        assert "w1" in panel.svg()

    def test_an_end_before_it_was_opened_does_not_end_it(self, lab: Events, name: str) -> None:
        for event in (STARTS[name], ENDS[name]):
            lab.events.publish(event)
        assert panels.open(lab, name).is_live

    def test_it_says_the_same_without_a_notebook(
        self, lab: Events, name: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        panel = panels.open(lab, name)
        for event in loads(2, 5):
            lab.events.publish(event)
        for event in training(end=""):
            lab.events.publish(event)
        panel._ipython_display_()
        assert capsys.readouterr().out.strip() == str(panel)
        bundle = panel._repr_mimebundle_()
        assert set(bundle) == {"text/html", "text/plain"}
        assert "w0" in bundle["text/plain"] and "<img" in bundle["text/html"]

    def test_events_from_many_threads_while_it_is_drawn(self, lab: Events, name: str) -> None:
        panel = panels.open(lab, name)
        lab.events.publish(STARTS[name])
        threads = [threading.Thread(target=lambda: [lab.events.publish(e) for e in loads(4, 300)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            ElementTree.fromstring(panel.svg())
        for thread in threads:
            thread.join()
        with panel._lock:
            assert [len(history) for history in panel._histories.values()] == [4 * 300] * 4


def test_what_is_published_while_it_opens_comes_once(lab: Events) -> None:
    def publish() -> None:
        for i in range(3000):
            lab.events.publish(WorkerLoad("w0", float(i), 0, 0))

    thread = threading.Thread(target=publish)
    thread.start()
    while not lab.events.recent(WorkerLoad):
        time.sleep(0.001)
    panel = panels.open(lab, "devices")
    thread.join()
    assert sorted(panel._peaks["cpu"][:1]) == [2999.0]
    with panel._lock:
        rows = panel._histories["w0"].rows()
    assert len({row[1] for row in rows}) == len(rows)


def test_four_hours_of_sixteen_workers_stay_bounded(lab: Events) -> None:
    panel = panels.open(lab, "devices")
    began = time.perf_counter()
    hear = panel._hear
    for event in loads(16, 4 * 3600 / 5, rate=5):  # every fifth second of it: what matters is far over the limit
        hear(event)
    seconds = time.perf_counter() - began
    with panel._lock:
        sizes = [len(history) for history in panel._histories.values()]
    assert len(sizes) == 16 and max(sizes) <= 2100
    assert len(panel.svg()) < 100_000
    assert seconds < 15
