"""What stands in a notebook for a widget whose kernel is gone."""

from __future__ import annotations

import re

import ipywidgets
import pytest

from lepton_lab.display import Table
from lepton_lab.widgets._still import show

TABLE = Table("Form", (), [("epochs", 3)])


def test_a_terminal_gets_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    show(ipywidgets.HTML(), TABLE)
    assert capsys.readouterr().out.split() == ["Form", "epochs", "3"]


def test_each_hides_its_own_table_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, str]] = []
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: type("Shell", (), {"kernel": object()}))
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: shown.append(bundle))
    for _ in range(2):
        show(ipywidgets.HTML(), TABLE)
    names = [re.findall(r"lepton-still-\w+", bundle["text/html"]) for bundle in shown[::2]]
    assert names[0] != names[1]
    assert ["epochs" in bundle["text/plain"] for bundle in shown] == [True, False] * 2
