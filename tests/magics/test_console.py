"""Lines for whoever is not a cell."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

import lepton_lab
from lepton_lab.display import Table
from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.magics._console import Console
from lepton_lab.types import Dataset, Status


@pytest.fixture
def console(ip: Any) -> Console:
    return Console(ip)


def test_runs_what_a_cell_would(console: Console, ip: Any) -> None:
    ip.run_cell("import numpy as np\nx = np.zeros((20, 3), 'float32'); y = np.arange(20) % 2")
    assert console.existing_lab() is None
    data = console.run("%lepton data load x,y --name pair --test-share 0")
    assert isinstance(data, Dataset) and data.splits == {"train": 20}
    assert console.existing_lab() is lepton_lab.current_lab()
    assert isinstance(console.run("%lepton"), Status)
    assert isinstance(console.run("%lepton status;"), Status)


def test_shows_what_earlier_kernels_left(ip: Any) -> None:
    with lepton_lab.Lab() as earlier:
        earlier.data.load("digits")
        console = Console(ip)
        deadline = time.monotonic() + 30
        while (seen := console.existing_lab()) is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert seen.data.names() == ("digits",)
        console.run("%lepton status")
        assert console.existing_lab() is lepton_lab.current_lab() is seen


def test_looking_chooses_no_workspace(ip: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with lepton_lab.Lab() as earlier:
        earlier.data.load("digits")
    console = Console(ip)
    assert console.complete("%lepton data show dig", 21) == (["digits"], 18, 21)
    seen = console.existing_lab()
    assert seen is not None
    monkeypatch.setenv("LEPTON_WORKSPACE", str(tmp_path / "another"))
    console.run("%lepton status")
    assert lepton_lab.current_lab() is not seen
    assert lepton_lab.current_lab().workspace.folder == tmp_path / "another"


def test_help_is_a_value(console: Console) -> None:
    shown = console.run("%lepton help data shard")
    assert isinstance(shown, Table) and "--shards" in shown.text()
    assert shown == console.run("%lepton data shard --help")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("print(1)", "'print(1)' is not a %lepton line"),
        ("%lepton runs\n%lepton status", "is not a %lepton line"),
        ("%lepton data shwo digits", "Did you mean 'data show'?"),
        ("%%lepton data list\nx", "takes no text in the cell"),
        ("%lepton ui train", "%lepton ui shows something that lives in a cell"),
        ("%lepton panel devices", "lives in a cell"),
        ("%lepton data load 'x", "close the quote"),
    ],
)
def test_what_can_not_be_run(console: Console, text: str, message: str) -> None:
    with pytest.raises((InputError, UnknownNameError)) as raised:
        console.run(text)
    assert message in str(raised.value)


def test_completes_as_a_cell_does(console: Console, workspace: Path) -> None:
    assert console.complete("%lepton tr", 10) == (["train"], 8, 10)
    assert console.complete("x = 1\nr = %lepton tr cnn", 20) == (["train"], 18, 20)
    assert console.complete("%lepton train m", 15) == (["mlp"], 14, 15)
    words, start, end = console.complete("%lepton ", 8) or ([], 0, 0)
    assert "train" in words and (start, end) == (8, 8)
    assert console.complete("%lepton", 7) is None
    assert console.complete("tr", 2) is None
    assert not workspace.exists()


def test_inspects(console: Console) -> None:
    def title(text: str) -> str | None:
        table = console.inspect(text, len(text))
        return table.title if table is not None else None

    assert str(title("%lepton train cnn --ep")).startswith("%lepton train MODEL")
    assert title("%lepton cluster") == "%lepton cluster ..."
    assert title("%lepton help data") == "%lepton data ..."
    assert title("%lepton") == "%lepton VERB [names] [--options]"
    assert title("%lepton nonsense") is None
    assert title("%lepton data load 'x") is None
    assert title("train") is None
