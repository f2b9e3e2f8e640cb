"""What travels between page and kernel; with a real kernel see `test_control.py`."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from comm.base_comm import CommManager

from lepton_lab.events import (
    ClusterChanged,
    LineOffered,
    NamesChanged,
    RunChanged,
    RunProgress,
    WorkerLoad,
)
from lepton_lab.widgets import _bridge
from tests.widgets.page import SmallConsole, SmallLab, Wire, until


class Shell:
    """The part of an IPython shell in a kernel that has comms."""

    def __init__(self) -> None:
        self.kernel = SimpleNamespace(comm_manager=CommManager(), control_handlers={"usage_request": len})


@pytest.fixture
def lab() -> SmallLab:
    return SmallLab()


@pytest.fixture
def console(lab: SmallLab) -> SmallConsole:
    return SmallConsole(lab)


@pytest.fixture
def bridge(console: SmallConsole) -> Iterator[_bridge.Bridge]:
    bridge = _bridge.Bridge(console)
    yield bridge
    bridge.close()


@pytest.fixture
def events(bridge: _bridge.Bridge) -> Wire:
    wire = Wire()
    bridge.open_events(wire, None)
    return wire


def progress(step: int, loss: float = 0.5) -> RunProgress:
    return RunProgress("run-1", 1, 3, step, 10, loss, {"accuracy": 0.9}, {"w0": 100.0}, None)


def threads() -> int:
    return sum(thread.name == "lepton-bridge" for thread in threading.enumerate())


def request(wire: Wire, id: str, method: str, **params: Any) -> Mapping[str, Any]:
    """A request as it comes from the page."""
    return {"content": {"comm_id": wire.comm_id, "data": {"id": id, "method": method, "params": params}}}


class TestRequests:
    def test_are_answered_on_their_comm(self, bridge: _bridge.Bridge) -> None:
        wire, other = Wire(), Wire()
        bridge.open_requests(wire, None)
        bridge.open_requests(other, None)
        wire.handle_msg(request(wire, "7", "line", line="%lepton runs"))
        until(lambda: wire.sent)
        [answer] = wire.sent
        assert answer["id"] == "7"
        assert answer["result"]["text"].startswith("%lepton runs")
        assert other.sent == []

    def test_a_request_is_answered_while_a_line_runs(self, bridge: _bridge.Bridge, console: SmallConsole) -> None:
        wire, is_done = Wire(), threading.Event()
        bridge.open_requests(wire, None)
        console.run = lambda text: is_done.wait(10)  # type: ignore[method-assign]
        assert bridge.take(request(wire, "1", "line", line="%lepton cluster up"))
        assert bridge.take(request(wire, "2", "summary"))
        until(lambda: wire.sent)
        is_done.set()
        until(lambda: len(wire.sent) == 2)
        assert [answer["id"] for answer in wire.sent] == ["2", "1"]

    def test_a_page_that_went_is_not_answered(self, bridge: _bridge.Bridge, console: SmallConsole) -> None:
        wire, is_done = Wire(), threading.Event()
        bridge.open_requests(wire, None)
        console.run = lambda text: is_done.wait(10)  # type: ignore[method-assign]
        assert bridge.take(request(wire, "1", "line", line="%lepton runs"))
        wire.handle_close({})
        is_done.set()
        until(lambda: not any(thread.name == "lepton-request" for thread in threading.enumerate()))
        assert wire.sent == []
        assert not bridge.take(request(wire, "2", "summary"))


class TestEvents:
    def test_summary_comes_first_and_after_each_change(self, events: Wire, lab: SmallLab) -> None:
        until(lambda: events.pushed("SummaryChanged"))
        lab.names.append("digits")
        lab.events.publish(NamesChanged("data set", "digits"))
        until(lambda: events.pushed("SummaryChanged")[-1]["datasets"])
        lab.events.publish(ClusterChanged("one", "running", 2))
        lab.events.publish(RunChanged("run-1", "running"))
        until(lambda: events.pushed("ClusterChanged") and events.pushed("RunChanged"))

    def test_the_latest_replaces_what_was_not_pushed_yet(self, events: Wire, lab: SmallLab) -> None:
        until(lambda: events.pushed("SummaryChanged"))
        for step in range(2000):
            lab.events.publish(progress(step))
            lab.events.publish(WorkerLoad("w0", 100.0, step, 0))
            lab.events.publish(WorkerLoad("w1", 100.0, step, 0))
        until(lambda: events.pushed("RunProgress") and events.pushed("RunProgress")[-1]["step"] == 1999)
        assert len(events.pushed("RunProgress")) <= 3
        assert {load["worker"] for load in events.pushed("WorkerLoad")} == {"w0", "w1"}

    def test_a_line_with_its_result_is_written_by_one_page_only(self, bridge: _bridge.Bridge, lab: SmallLab) -> None:
        first, second = Wire(), Wire()
        bridge.open_events(first, None)
        bridge.open_events(second, None)
        until(lambda: first.pushed("SummaryChanged") and second.pushed("SummaryChanged"))
        lab.events.publish(LineOffered("%lepton status", {"text/plain": "fine"}))
        lab.events.publish(LineOffered("%lepton runs"))
        until(lambda: len(second.pushed("LineOffered")) == 2)
        assert [line["line"] for line in first.pushed("LineOffered")] == ["%lepton runs"]

    def test_numbers_that_json_lacks_become_null(self, events: Wire, lab: SmallLab) -> None:
        until(lambda: events.pushed("SummaryChanged"))
        lab.events.publish(progress(1, float("nan")))
        until(lambda: events.pushed("RunProgress"))
        assert events.pushed("RunProgress")[0]["loss"] is None

    def test_finds_a_lab_that_is_made_later(self) -> None:
        console = SmallConsole()
        bridge = _bridge.Bridge(console)
        wire = Wire()
        bridge.open_events(wire, None)
        until(lambda: wire.pushed("SummaryChanged"))
        lab = SmallLab()
        console.labs.append(lab)
        until(lambda: len(wire.pushed("SummaryChanged")) == 2)
        lab.events.publish(progress(1))
        until(lambda: wire.pushed("RunProgress"))
        bridge.close()

    def test_a_summary_that_fails_does_not_end_the_pushes(self, events: Wire, lab: SmallLab) -> None:
        until(lambda: events.pushed("SummaryChanged"))
        lab.names.append(None)  # type: ignore[arg-type]
        whole, lab.summary = lab.summary, lambda: 1 / 0  # type: ignore[method-assign, assignment, return-value]
        lab.events.publish(NamesChanged("data set", "x"))
        time.sleep(2 * _bridge.PERIOD)
        lab.summary = whole  # type: ignore[method-assign]
        lab.events.publish(progress(2))
        until(lambda: events.pushed("RunProgress"))

    def test_thread_ends_with_the_last_page_and_starts_with_the_next(
        self, bridge: _bridge.Bridge, events: Wire
    ) -> None:
        until(lambda: threads() == 1)  # those of other tests' bridges have ended
        events.handle_close({})
        until(lambda: threads() == 0)
        again = Wire()
        bridge.open_events(again, None)
        until(lambda: again.pushed("SummaryChanged"))

    def test_what_a_person_waits_for_comes_at_once(self, events: Wire, lab: SmallLab) -> None:
        until(lambda: events.pushed("SummaryChanged"))
        time.sleep(_bridge.PERIOD / 4)
        for number, event in enumerate((RunChanged("run-1", "stopping"), LineOffered("%lepton runs")), 1):
            began = time.monotonic()
            lab.events.publish(event)
            until(lambda event=event: events.pushed(type(event).__name__))
            assert time.monotonic() - began < _bridge.PERIOD / 2, number

    def test_every_offered_line_is_told(self, events: Wire, lab: SmallLab) -> None:
        until(lambda: events.pushed("SummaryChanged"))
        for line in ("%lepton runs", "%lepton status", "%lepton runs"):
            lab.events.publish(LineOffered(line))
        until(lambda: len(events.pushed("LineOffered")) == 3)

    def test_a_change_that_nobody_told_of_is_seen(
        self, events: Wire, lab: SmallLab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        until(lambda: events.pushed("SummaryChanged"))
        monkeypatch.setattr(_bridge, "LOOK", 0.3)
        until(lambda: len(lab.asked) > 2)
        assert len(events.pushed("SummaryChanged")) == 1
        lab.names.append("digits")
        until(lambda: events.pushed("SummaryChanged")[-1]["datasets"])

    def test_summaries_are_made_four_times_a_second_at_most(self, events: Wire, lab: SmallLab) -> None:
        until(lambda: events.pushed("SummaryChanged"))
        before = len(lab.asked)
        for number in range(100):
            lab.events.publish(RunChanged(f"run-{number}", "running"))
            time.sleep(0.005)
        assert len(lab.asked) - before <= 3


class TestRegister:
    def test_targets_come_and_go(self, console: SmallConsole) -> None:
        shell: Any = Shell()
        targets, handlers = shell.kernel.comm_manager.targets, shell.kernel.control_handlers
        _bridge.register(shell, console)
        assert set(targets) == {_bridge.REQUESTS, _bridge.EVENTS}
        assert set(handlers) == {"usage_request", "comm_open", "comm_msg", "comm_close"}
        wire = Wire()
        targets[_bridge.REQUESTS](wire, None)
        _bridge.unregister(shell)
        assert not targets
        assert handlers == {"usage_request": len}
        assert wire.closed
        _bridge.unregister(shell)

    def test_registering_again_replaces(self, console: SmallConsole, lab: SmallLab) -> None:
        shell: Any = Shell()
        _bridge.register(shell, SmallConsole())
        _bridge.register(shell, console)
        lab.names.append("digits")
        wire = Wire()
        shell.kernel.comm_manager.targets[_bridge.REQUESTS](wire, None)
        shell.kernel.control_handlers["comm_msg"](None, None, request(wire, "1", "summary"))
        until(lambda: wire.sent)
        assert wire.sent[0]["result"]["datasets"]
        _bridge.unregister(shell)
        assert shell.kernel.control_handlers == {"usage_request": len}

    def test_ipython_without_a_kernel(self, console: SmallConsole) -> None:
        shell = SimpleNamespace()
        _bridge.register(shell, console)  # type: ignore[arg-type]
        assert vars(shell) == {}
