from __future__ import annotations

import re

import ipywidgets
import pytest
from IPython.core.interactiveshell import InteractiveShell

from lepton_lab.display import Table
from lepton_lab.widgets._stand_in import StandIn


def test_prints_the_table_where_there_are_no_widgets(capsys: pytest.CaptureFixture[str]) -> None:
    InteractiveShell.clear_instance()
    StandIn().display(ipywidgets.HTML(), Table("Form", (), [("epochs", 3)]))
    assert capsys.readouterr().out == "Form\n  epochs  3\n"


def test_each_hides_its_own_table() -> None:
    names = [re.findall(r"lepton-still-\w+", StandIn().rule) for _ in range(2)]
    assert all(len(set(found)) == 1 for found in names) and names[0] != names[1]
