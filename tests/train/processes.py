"""The processes of training, as a test sees them from outside."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import psutil

from lepton_lab import forkserver
from lepton_lab.lab import Lab


def children() -> list[int]:
    """Processes that the tests' own fork server has forked, and that still live."""
    ours, found = f"TMPDIR={os.environ['TMPDIR']}".encode(), []
    for process in psutil.process_iter(["cmdline"]):
        if "lepton_lab.forkserver._server" in (process.info["cmdline"] or []):
            try:
                if ours in Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0"):
                    found += [child.pid for child in process.children()]
            except (OSError, psutil.Error):
                continue  # ended meanwhile
    return found


def controller(lab: Lab, run: str) -> int:
    """The process that conducts a run."""
    return int(json.loads((lab.workspace.path("runs", run) / "owner.json").read_text())["pid"])


def ranks(lab: Lab, run: str) -> list[int]:
    """The processes of a run's ranks, where no other run is under way."""
    conductor = controller(lab, run)
    return [pid for pid in children() if conductor not in (pid, os.getpid())]


def wait_for(condition: Any, seconds: float = 60.0) -> None:
    """Wait until something is so; fails where it isn't in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not so after {seconds:.0f} s"
        time.sleep(0.02)


def weights_of(file: Path) -> list[Any]:
    """The weights in a file; called in a process that has TensorFlow."""
    import tf_keras

    weights: list[Any] = tf_keras.models.load_model(file, compile=False).get_weights()
    return weights


def weights(lab: Lab, model: str) -> list[Any]:
    """The weights of a model of the lab."""
    result: list[Any] = forkserver.call("tests.train.processes:weights_of", {"file": lab.model.show(model).file})
    return result
