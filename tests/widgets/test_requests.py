"""What the page asks, and what it is answered."""

from __future__ import annotations

from typing import Any, ClassVar

import ipywidgets
import pytest

from lepton_lab.panels import PANELS
from lepton_lab.widgets._requests import NO_LAB, Requests
from tests.widgets.page import SmallConsole, SmallLab


@pytest.fixture
def lab() -> SmallLab:
    return SmallLab()


@pytest.fixture
def console(lab: SmallLab) -> SmallConsole:
    return SmallConsole(lab)


@pytest.fixture
def requests(console: SmallConsole) -> Requests:
    return Requests(console)


def ask(requests: Requests, method: str, **params: Any) -> Any:
    """The result; for an error, its text."""
    answer = requests.answer({"id": "7", "method": method, "params": params})
    assert answer["id"] == "7"
    return answer["error"] if "error" in answer else answer["result"]


def test_summary(requests: Requests, lab: SmallLab) -> None:
    lab.names.append("digits")
    result = ask(requests, "summary")
    assert result["datasets"] == [{"name": "digits", "rows": 1, "shards": 0}]
    assert result["panels"] == list(PANELS)


def test_before_there_is_a_lab() -> None:
    console = SmallConsole()
    requests = Requests(console)
    assert ask(requests, "summary") == {**NO_LAB, "panels": list(PANELS), "is_busy": False}
    assert console.labs == []


def test_line(requests: Requests) -> None:
    result = ask(requests, "line", line="%lepton runs")
    assert result["text"] == "%lepton runs\n  <a>  1"
    assert "&lt;a&gt;" in result["html"]
    assert ask(requests, "line", line="print(1)") == "'print(1)' is not a %lepton line."


def test_a_line_without_a_result(requests: Requests, console: SmallConsole) -> None:
    console.run = lambda text: None  # type: ignore[method-assign]
    assert ask(requests, "line", line="%lepton x") == {"text": "", "html": ""}


def test_an_error_is_one_line(requests: Requests, console: SmallConsole) -> None:
    def fail(text: str) -> object:
        raise RuntimeError("one\ntwo")

    console.run = fail  # type: ignore[method-assign]
    assert ask(requests, "line", line="%lepton x") == "RuntimeError: one"
    assert "Did you mean 'panel'?" in ask(requests, "panels")
    assert ask(requests, "panel", walk=1).startswith("TypeError")


def test_complete_and_inspect(requests: Requests) -> None:
    assert ask(requests, "complete", text="%lepton tr", cursor=10) == {"matches": ["train"], "start": 8, "end": 10}
    assert ask(requests, "complete", text="tr", cursor=2) == {"matches": [], "start": 2, "end": 2}
    assert ask(requests, "inspect", text="%lepton train", cursor=9)["found"]
    assert ask(requests, "inspect", text="train", cursor=2) == {"found": False, "text": "", "html": ""}


def test_widgets_with_what_they_refer_to(requests: Requests) -> None:
    text, other = ipywidgets.Text("a"), ipywidgets.Text("b")
    output = ipywidgets.Output(outputs=({"data": {"view": {"model_id": ipywidgets.VBox([text]).model_id}}},))
    states = ask(requests, "widgets", ids=[output.model_id, "0" * 32])
    assert states[text.model_id]["state"]["value"] == "a"
    assert {states[text.layout.model_id]["model_name"], states[text.style.model_id]["model_name"]} == {
        "LayoutModel",
        "TextStyleModel",
    }
    assert other.model_id not in states


class SmallPanel:
    """A panel that can be docked."""

    opened: ClassVar[list[SmallPanel]] = []

    def __init__(self, lab: SmallLab, name: str) -> None:
        self.lab, self.name, self.is_live = lab, name, True
        self.opened.append(self)

    def dock(self) -> str:
        return f"{self.name}-{self.opened.index(self)}"

    def close(self) -> None:
        self.is_live = False


class TestPanels:
    @pytest.fixture(autouse=True)
    def small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("lepton_lab.panels.open", SmallPanel)
        monkeypatch.setattr(SmallPanel, "opened", [])

    def test_one_of_each_name(self, requests: Requests) -> None:
        assert ask(requests, "panel", name="devices") == {"model_id": "devices-0"}
        assert ask(requests, "panel", name="training") == {"model_id": "training-1"}
        assert ask(requests, "panel", name="devices") == {"model_id": "devices-0"}

    def test_one_that_ended_or_was_closed_is_opened_anew(self, requests: Requests) -> None:
        ask(requests, "panel", name="devices")
        SmallPanel.opened[0].close()
        assert ask(requests, "panel", name="devices") == {"model_id": "devices-1"}
        assert ask(requests, "panel_close", name="devices") == {}
        assert ask(requests, "panel_close", name="devices") == {}
        assert not SmallPanel.opened[1].is_live
        assert ask(requests, "panel", name="devices") == {"model_id": "devices-2"}

    def test_another_lab_has_others(self, requests: Requests, console: SmallConsole) -> None:
        ask(requests, "panel", name="devices")
        console.labs.append(SmallLab())
        assert ask(requests, "panel", name="devices") == {"model_id": "devices-1"}
        assert not SmallPanel.opened[0].is_live

    def test_they_end_with_the_talk(self, requests: Requests) -> None:
        ask(requests, "panel", name="devices")
        requests.close()
        assert not SmallPanel.opened[0].is_live

    def test_makes_no_lab(self) -> None:
        assert "first %lepton line" in ask(Requests(SmallConsole()), "panel", name="devices")


def test_a_panel_that_there_is_not(requests: Requests) -> None:
    assert "Did you mean 'devices'?" in ask(requests, "panel", name="devcies")
