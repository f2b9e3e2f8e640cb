"""The verbs that open a form."""

from __future__ import annotations

from typing import Any

import pytest

from lepton_lab import widgets
from lepton_lab.magics import _ui


class SmallForm:
    def __init__(self, *_: Any) -> None:
        self.is_open = True

    def close(self) -> None:
        self.is_open = False


def test_a_cell_that_is_run_again_closes_its_forms(ip: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(widgets, "open", SmallForm)
    running = ("one", "1")
    monkeypatch.setattr(_ui, "_running_cell", lambda: running)
    opened = [ip.run_cell("%lepton ui train").result, ip.run_cell("%lepton ui export").result]
    running = ("two", "2")
    opened.append(ip.run_cell("%lepton ui train").result)
    running = ("one", "3")
    opened.append(ip.run_cell("%lepton ui train").result)
    assert [form.is_open for form in opened] == [False, False, True, True]
    running = ("", "")
    opened = [ip.run_cell("%lepton ui train").result for _ in range(2)]
    assert all(form.is_open for form in opened)
