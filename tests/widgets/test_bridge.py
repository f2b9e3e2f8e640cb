from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from comm import get_comm_manager
from comm.base_comm import BaseComm, CommManager

from lepton_lab.errors import UnknownNameError
from lepton_lab.events import Bus, ClusterChanged, NamesChanged, RunChanged, RunProgress, WorkerLoad
from lepton_lab.widgets import _bridge


class Wire(BaseComm):
    """A comm whose messages end here instead of in a browser."""

    def __init__(self, target_name: str = "") -> None:
        self.sent: list[dict[str, Any]] = []
        self.closed = False
        super().__init__(target_name=target_name, primary=False)
        get_comm_manager().register_comm(self)

    def publish_msg(self, msg_type: str, data: Any = None, *_: Any, **__: Any) -> None:
        if msg_type == "comm_close":
            self.closed = True
        else:
            json.dumps(data, allow_nan=False)
            self.sent.append(data)

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a request as the page does, and take the answer."""
        self.handle_msg({"content": {"data": {"id": "7", "method": method, "params": params}}})
        return self.sent[-1]

    def pushed(self, event: str) -> list[dict[str, Any]]:
        """The data of all pushes of this name."""
        return [push["data"] for push in list(self.sent) if push["event"] == event]


class SmallLab:
    """What the bridge needs of a lab: events, a summary, and a run that can be stopped."""

    def __init__(self) -> None:
        self.events = Bus()
        self.names: list[str] = []
        self.run = SimpleNamespace(stop=self.stop)

    def summary(self) -> Mapping[str, Any]:
        return {**_bridge.EMPTY_SUMMARY, "datasets": [{"name": name, "rows": 1, "shards": 0} for name in self.names]}

    def stop(self, run: str) -> Any:
        if run != "run-1":
            raise UnknownNameError("run", run, ["run-1"])
        return SimpleNamespace(state="stopping")


class Shell:
    """The part of an IPython shell in a kernel that has comms."""

    def __init__(self) -> None:
        self.kernel = SimpleNamespace(comm_manager=CommManager())


@pytest.fixture
def lab() -> SmallLab:
    return SmallLab()


@pytest.fixture
def bridge(lab: SmallLab) -> Iterator[_bridge.Bridge]:
    bridge = _bridge.Bridge(lambda: lab)  # type: ignore[arg-type, return-value]  # a small one
    yield bridge
    bridge.close()


@pytest.fixture
def requests(bridge: _bridge.Bridge) -> Wire:
    wire = Wire()
    bridge.open_requests(wire, None)
    return wire


@pytest.fixture
def events(bridge: _bridge.Bridge) -> Wire:
    wire = Wire()
    bridge.open_events(wire, None)
    return wire


def until(true: Callable[[], object], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def progress(step: int, loss: float = 0.5) -> RunProgress:
    return RunProgress("run-1", 1, 3, step, 10, loss, {"accuracy": 0.9}, {"w0": 100.0}, None)


def threads() -> int:
    return sum(thread.name == "lepton-bridge" for thread in threading.enumerate())


class TestRequests:
    def test_summary(self, requests: Wire, lab: SmallLab) -> None:
        lab.names.append("digits")
        answer = requests.ask("summary")
        assert answer["id"] == "7"
        assert answer["result"]["datasets"] == [{"name": "digits", "rows": 1, "shards": 0}]

    def test_summary_before_there_is_a_lab(self) -> None:
        answer = _bridge.Bridge(lambda: None).answer({"id": "1", "method": "summary"})
        assert answer == {"id": "1", "result": dict(_bridge.EMPTY_SUMMARY)}

    def test_stop(self, requests: Wire) -> None:
        assert requests.ask("stop", run="run-1")["result"] == {"run": "run-1", "state": "stopping"}

    def test_error_is_one_line(self, requests: Wire) -> None:
        assert requests.ask("stop", run="run-2")["error"] == "There is no run 'run-2'. Did you mean 'run-1'?"

    def test_stop_before_there_is_a_lab(self) -> None:
        answer = _bridge.Bridge(lambda: None).answer({"id": "1", "method": "stop", "params": {"run": "run-1"}})
        assert "no lab yet" in answer["error"]

    def test_unknown_method_and_wrong_params(self, requests: Wire) -> None:
        assert "Did you mean 'stop'?" in requests.ask("stopp")["error"]
        assert "TypeError" in requests.ask("stop", walk=1)["error"]

    def test_bokeh_is_sent_once_per_version(self, requests: Wire) -> None:
        answer = requests.ask("bokeh")["result"]
        assert "Bokeh" in answer["source"][:5000]
        assert requests.ask("bokeh", have=answer["version"])["result"]["source"] is None
        assert requests.ask("bokeh", have="0.1")["result"]["source"] == answer["source"]


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

    def test_numbers_that_json_lacks_become_null(self, events: Wire, lab: SmallLab) -> None:
        until(lambda: events.pushed("SummaryChanged"))
        lab.events.publish(progress(1, float("nan")))
        until(lambda: events.pushed("RunProgress"))
        assert events.pushed("RunProgress")[0]["loss"] is None

    def test_finds_a_lab_that_is_made_later(self) -> None:
        labs: list[SmallLab] = []
        bridge = _bridge.Bridge(lambda: labs[-1] if labs else None)  # type: ignore[arg-type, return-value]
        wire = Wire()
        bridge.open_events(wire, None)
        until(lambda: wire.pushed("SummaryChanged"))
        labs.append(SmallLab())
        until(lambda: len(wire.pushed("SummaryChanged")) == 2)
        labs[0].events.publish(progress(1))
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


class TestRegister:
    def test_targets_come_and_go(self, lab: SmallLab) -> None:
        shell: Any = Shell()
        targets = shell.kernel.comm_manager.targets
        _bridge.register(shell, lambda: lab)  # type: ignore[arg-type, return-value]
        assert set(targets) == {_bridge.REQUESTS, _bridge.EVENTS}
        wire = Wire()
        targets[_bridge.REQUESTS](wire, None)
        _bridge.unregister(shell)
        assert not targets
        assert wire.closed
        _bridge.unregister(shell)

    def test_registering_again_replaces(self, lab: SmallLab) -> None:
        shell: Any = Shell()
        _bridge.register(shell, lambda: None)
        _bridge.register(shell, lambda: lab)  # type: ignore[arg-type, return-value]
        lab.names.append("digits")
        wire = Wire()
        shell.kernel.comm_manager.targets[_bridge.REQUESTS](wire, None)
        assert wire.ask("summary")["result"]["datasets"]
        _bridge.unregister(shell)

    def test_ipython_without_a_kernel(self) -> None:
        shell = SimpleNamespace()
        _bridge.register(shell, lambda: None)  # type: ignore[arg-type]
        assert vars(shell) == {}


class TestPlain:
    def test_values(self) -> None:
        import numpy as np

        assert _bridge.plain({"a": (np.float32(0.5), np.int64(3), True, None, Path("x"), float("inf"))}) == {
            "a": [0.5, 3, True, None, "x", None]
        }
