"""A run's folder: the record, the events, the owner, the wishes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lepton_lab.errors import LeptonError
from lepton_lab.events import EpochEnded, RunChanged, RunNote, RunProgress
from lepton_lab.train import _journal
from lepton_lab.types import Run


def test_events_come_back_as_they_went(tmp_path: Path) -> None:
    reader, journal = _journal.Reader(tmp_path), _journal.Journal(tmp_path)
    events = [
        RunChanged("run-1", "running", "so"),
        RunProgress("run-1", 1, 2, 3, 4, 0.5, {"accuracy": 1.0}, {"w0": 10.0}, None, {"w0": 5}),
        EpochEnded("run-1", 1, {"loss": 0.5}),
        RunNote("run-1", "a\nb"),
    ]
    for event in events:
        journal(event)
    assert reader.read() == events
    assert reader.read() == []
    assert len((tmp_path / "events.jsonl").read_text().splitlines()) == 4


def test_a_line_is_read_when_it_is_whole(tmp_path: Path) -> None:
    reader, file = _journal.Reader(tmp_path), tmp_path / "events.jsonl"
    line = json.dumps({"event": "RunNote", "time": 1.0, "run": "r", "message": "m"})
    file.write_text(line[:20])
    assert reader.read() == []
    file.write_text(line + "\n" + line[:5])
    assert reader.read() == [RunNote("r", "m", time=1.0)]


def test_lines_of_another_version_are_passed_over(tmp_path: Path) -> None:
    reader = _journal.Reader(tmp_path)
    (tmp_path / "events.jsonl").write_text(
        '{"event": "New", "x": 1}\nnonsense\n{"event": "RunNote", "time": 1, "y": 2}\n'
    )
    assert reader.read() == []


def test_reads_from_when_it_was_made(tmp_path: Path) -> None:
    journal = _journal.Journal(tmp_path)
    journal(RunNote("r", "before"))
    reader = _journal.Reader(tmp_path)
    journal(RunNote("r", "after"))
    assert [event.message for event in reader.read() if isinstance(event, RunNote)] == ["after"]


def test_the_record(tmp_path: Path) -> None:
    run = Run("run-1", "m", "d", "failed", tmp_path, 3, 64, "single", ("w0",), 1.0, history={"loss": (0.5,)})
    _journal.write_run(run)
    assert _journal.read_run(tmp_path) == run
    record = json.loads((tmp_path / "run.json").read_text())
    for new in ("notes", "layers", "restarts", "traceback", "cluster"):
        del record[new]
    (tmp_path / "run.json").write_text(json.dumps(record | {"of_a_later_version": 1}))
    assert _journal.read_run(tmp_path) == run
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(LeptonError, match=r"run\.json is damaged"):
        _journal.read_run(tmp_path)


def test_the_owner_lives_as_long_as_its_process(tmp_path: Path) -> None:
    assert not _journal.owner_lives(tmp_path)
    _journal.write_owner(tmp_path)
    assert _journal.owner_lives(tmp_path)
    _journal.kill_owner(tmp_path)  # never oneself
    code = f"from lepton_lab.train import write_owner; from pathlib import Path; write_owner(Path({str(tmp_path)!r}))"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": ":".join(sys.path)})
    assert not _journal.owner_lives(tmp_path)
    (tmp_path / "owner.json").write_text('{"host": "elsewhere", "pid": 1, "started": 1.0}')
    assert _journal.owner_lives(tmp_path)  # on trust
    _journal.kill_owner(tmp_path)


def test_wishes_add_up_and_are_forgotten(tmp_path: Path) -> None:
    assert _journal.read_wish(tmp_path) == {}
    _journal.wish(tmp_path, avoid=["w1"])
    _journal.wish(tmp_path, stop=True)
    assert _journal.read_wish(tmp_path) == {"avoid": ["w1"], "stop": True}
    _journal.forget_wishes(tmp_path)
    assert _journal.read_wish(tmp_path) == {}
