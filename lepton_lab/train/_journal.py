"""A run's folder as the one place where everybody learns how it stands, in whatever kernel they are.

`run.json` is the record, `events.jsonl` has a JSON line for each event (so it holds the metrics over time),
`owner.json` says which process conducts the run, and `wish.json` is what somebody wishes of it."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from lepton_lab.errors import LeptonError
from lepton_lab.events import EpochEnded, Event, NamesChanged, Progress, RunChanged, RunNote, RunProgress
from lepton_lab.files import read_json, write_json
from lepton_lab.types import Run

EVENTS = "events.jsonl"
_KINDS = {kind.__name__: kind for kind in (RunChanged, RunProgress, EpochEnded, RunNote, NamesChanged, Progress)}


# the record


def write_run(run: Run) -> None:
    """Write a run's record."""
    record = {field.name: getattr(run, field.name) for field in dataclasses.fields(run) if field.name != "folder"}
    write_json(run.folder / "run.json", record)


def read_run(folder: Path) -> Run:
    """A run's record as it was last written, by this version or an earlier one.

    Raises
    ------
    LeptonError
        If it is damaged.
    """
    try:
        known = {field.name for field in dataclasses.fields(Run)}
        record = {key: value for key, value in read_json(folder / "run.json").items() if key in known}
        for key in ("workers", "notes"):
            record[key] = tuple(record.get(key, ()))
        record["history"] = {key: tuple(values) for key, values in record["history"].items()}
        record["layers"] = tuple((name, what) for name, what in record.get("layers", ()))
        return Run(folder=folder, **record)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:  # no JSON, or of another form
        raise LeptonError(f"{folder / 'run.json'} is damaged ({error}): remove its folder.") from None


# the process that conducts it


def write_owner(folder: Path) -> None:
    """Note that this process conducts the run."""
    process = psutil.Process()
    facts = {"host": socket.gethostname(), "pid": process.pid, "started": process.create_time()}
    write_json(folder / "owner.json", facts)


def owner_lives(folder: Path) -> bool:
    """Whether the process that conducts the run is there; of another host's it is taken on trust."""
    try:
        owner = read_json(folder / "owner.json")
        if owner["host"] != socket.gethostname():
            return True
        return bool(psutil.Process(owner["pid"]).create_time() == owner["started"])
    except (OSError, ValueError, KeyError, psutil.Error):
        return False


def kill_owner(folder: Path) -> None:
    """End the process that conducts the run, where it is on this host."""
    if owner_lives(folder):
        owner = read_json(folder / "owner.json")
        if owner["host"] == socket.gethostname() and owner["pid"] != os.getpid():
            process = psutil.Process(owner["pid"])
            process.kill()
            process.wait(5)


# wishes


def wish(folder: Path, **wishes: Any) -> None:
    """Wish something of a run: `stop=True`, or `avoid=["w1"]` for workers that it is to leave."""
    write_json(folder / "wish.json", read_wish(folder) | wishes)


def read_wish(folder: Path) -> dict[str, Any]:
    """What is wished of a run."""
    try:
        wishes: dict[str, Any] = read_json(folder / "wish.json")
        return wishes
    except (OSError, ValueError):
        return {}


def forget_wishes(folder: Path) -> None:
    """Begin without wishes."""
    (folder / "wish.json").unlink(missing_ok=True)


# events


class Journal:
    """Appends events to a run's file; every line is written whole."""

    def __init__(self, folder: Path) -> None:
        self._stream = (folder / EVENTS).open("a", buffering=1)

    def __call__(self, event: Event) -> None:
        self._stream.write(json.dumps({"event": type(event).__name__, **dataclasses.asdict(event)}) + "\n")


class Reader:
    """Reads a run's events as they come.

    Parameters
    ----------
    past
        Whether to begin with the run's first event; else from now on.
    """

    def __init__(self, folder: Path, *, past: bool = False) -> None:
        self._file = folder / EVENTS
        self._offset = self._file.stat().st_size if self._file.exists() and not past else 0

    def read(self) -> list[Event]:
        """The events that came since the last time."""
        try:
            if self._file.stat().st_size <= self._offset:
                return []
            with self._file.open("rb") as stream:
                stream.seek(self._offset)
                data = stream.read()
        except FileNotFoundError:
            return []
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [event for line in whole.splitlines() if (event := _event(line)) is not None]

    def follow(self, report: Callable[[Event], None], is_over: Callable[[], bool], period: float = 0.02) -> None:
        """Report events as they come, until `is_over` and all are read."""
        while True:
            over = is_over()
            for event in self.read():
                report(event)
            if over:
                return
            time.sleep(period)


def _event(line: bytes) -> Event | None:
    try:
        values = json.loads(line)
        kind = _KINDS[values.pop("event")]
        return kind(**values)
    except (ValueError, KeyError, TypeError):
        return None  # of another version
