"""A run's folder that somebody else wrote or changed starts nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from lepton_lab.errors import InputError
from lepton_lab.lab import Lab
from lepton_lab.lab._seal import write_sealed
from tests.train.processes import wait_for

WRITES = {"class_name": "CSVLogger", "config": {"filename": "VICTIM"}}
"""A callback of Keras's own that makes a file anywhere."""


@pytest.fixture(scope="module")
def cancelled(lab: Lab) -> str:
    """A run with a checkpoint, to go on with."""
    lab.model.new("begun", data="digits", kind="mlp")
    settings: dict[str, Any] = {"strategy": "single", "checkpoint_seconds": 0.2}
    run = lab.train("begun", "digits", epochs=100_000, background=True, **settings).id
    wait_for(lambda: any((lab.workspace.path("runs", run) / "checkpoints").glob("*.json")))
    assert lab.run.stop(run).state == "cancelled"
    return run


@pytest.fixture
def folder(lab: Lab, cancelled: str, tmp_path: Path) -> Iterator[Path]:
    """Its folder, to spoil; put right afterwards."""
    folder = lab.workspace.path("runs", cancelled)
    shutil.copytree(folder, tmp_path / "whole")
    yield folder
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "whole", folder)


def refused(lab: Lab, run: str, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        lab.run.resume(run)
    assert len(str(caught.value).splitlines()) == 1
    assert lab.run.show(run).state == "cancelled"


def spoilt(settings: Mapping[str, Any], victim: Path, **changes: Any) -> dict[str, Any]:
    training = {**settings["training"], **changes}
    return json.loads(json.dumps({**settings, "training": training}).replace("VICTIM", str(victim)))


@pytest.mark.parametrize(
    "changes",
    [
        {"callbacks": [WRITES]},
        {"technique": "os:system"},
        {"technique": "prune", "hook_options": {"sparsity": 0.5}},
        {"hook": "os:system", "hook_options": {"command": "touch VICTIM"}},
    ],
    ids=["a callback writes", "another function", "another technique", "a hook as it was"],
)
@pytest.mark.parametrize("seal", ["kept", "none", "of another key", "no text"])
def test_changed_settings_start_nothing(
    lab: Lab,
    cancelled: str,
    folder: Path,
    tmp_path: Path,
    changes: dict[str, Any],
    seal: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    victim, file = tmp_path / "victim", folder / "settings.json"
    settings = spoilt(json.loads(file.read_text()), victim, **changes)
    if seal == "none":
        del settings["seal"]
    elif seal == "no text":
        settings["seal"] = ["\xe9"]
    file.write_text(json.dumps(settings))
    if seal == "of another key":
        del settings["seal"]
        with monkeypatch.context() as patch:
            patch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter of a stranger"))
            write_sealed(file, settings)
    refused(lab, cancelled, rf"^The run {cancelled} isn't gone on with, .* by somebody else, .* \(the file is .*'s\)")
    assert not victim.exists()


@pytest.mark.parametrize("content", ["[]", "{", "null", '{"seal": "\\u00e9"}', "\udc80"])
def test_what_are_no_settings_is_said(lab: Lab, cancelled: str, folder: Path, content: str) -> None:
    (folder / "settings.json").write_bytes(content.encode(errors="surrogateescape"))
    refused(lab, cancelled, rf"^The run {cancelled} (isn't gone on with|can't be gone on with: its settings.json)")


def test_the_settings_of_another_run_are_not_taken(lab: Lab, trained: str, cancelled: str, folder: Path) -> None:
    """Not even where this user sealed them: they belong to that run's files."""
    other = next(run for run in lab.run.readable() if run.id != cancelled)
    shutil.copy(other.folder / "settings.json", folder / "settings.json")
    refused(lab, cancelled, "isn't gone on with")


@pytest.mark.parametrize("name", ["initial.keras", "start.keras"])
def test_another_model_is_not_taken(lab: Lab, cancelled: str, folder: Path, name: str) -> None:
    with (folder / name).open("ab") as stream:
        stream.write(b"more")
    refused(lab, cancelled, rf"its {name} isn't the one that it began with")


def test_what_nobody_changed_goes_on(lab: Lab, cancelled: str) -> None:
    """The control: only what was changed is refused."""
    assert lab.run.resume(cancelled, background=True).id == cancelled
    wait_for(lambda: lab.run.show(cancelled).state == "running")
    assert lab.run.stop(cancelled).state == "cancelled"
