"""Small stand-ins for a page, a lab, and what runs lines."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from comm import get_comm_manager
from comm.base_comm import BaseComm

from lepton_lab.display import Table
from lepton_lab.errors import InputError
from lepton_lab.events import Bus
from lepton_lab.widgets._requests import NO_LAB


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

    def pushed(self, event: str) -> list[dict[str, Any]]:
        """The data of all pushes of this name."""
        return [push["data"] for push in list(self.sent) if push["event"] == event]


class SmallLab:
    """What the bridge needs of a lab: events and a summary."""

    def __init__(self) -> None:
        self.events = Bus()
        self.names: list[str] = []
        self.asked: list[float] = []
        """When the summary was."""

    def summary(self) -> Mapping[str, Any]:
        self.asked.append(time.monotonic())
        return {**NO_LAB, "datasets": [{"name": name, "rows": 1, "shards": 0} for name in self.names]}


class SmallConsole:
    """A console whose lines say what they got; without a lab until `labs` has one."""

    def __init__(self, *labs: SmallLab) -> None:
        self.labs = list(labs)
        self.is_busy = False

    def existing_lab(self) -> Any:
        return self.labs[-1] if self.labs else None

    def run(self, text: str) -> object:
        if not text.startswith("%lepton"):
            raise InputError(f"{text!r} is not a %lepton line.")
        return Table(text, (), [("<a>", 1)])

    def complete(self, text: str, cursor: int) -> tuple[list[str], int, int] | None:
        return (["train"], cursor - 2, cursor) if text.startswith("%lepton") else None

    def inspect(self, text: str, cursor: int) -> Table | None:
        return Table("help", (), ()) if text.startswith("%lepton") else None


def until(true: Callable[[], object], seconds: float = 5.0) -> None:
    """Wait for something to be so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
