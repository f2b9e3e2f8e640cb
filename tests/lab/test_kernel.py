"""What is left when a kernel is killed: nothing, or what was meant to outlive it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lepton_lab.lab import Lab

KERNEL = """
import sys, threading
from lepton_lab.events import RunProgress
from lepton_lab.lab import Lab
lab = Lab(sys.argv[1])
lab.cluster.up(workers=2, threads=1, detach=sys.argv[2] == "detach")
lab.data.load("digits")
running = threading.Event()
lab.events.subscribe(lambda event: running.set(), RunProgress)
lab.train("mlp", "digits", epochs=100_000, background=True)
running.wait(60)
print("training", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def mark() -> Iterator[str]:
    """A variable of the environment by which all processes of a test are found; those that are left are killed."""
    mark = f"LEPTON_TEST_MARK={uuid.uuid4()}"
    yield mark
    for pid in marked(mark):
        os.kill(pid, signal.SIGKILL)


def marked(mark: str) -> list[int]:
    """Live processes with the mark."""
    found = []
    for process in psutil.process_iter():
        try:
            environment = Path(f"/proc/{process.pid}/environ").read_bytes().decode(errors="replace").split("\0")
            if mark in environment and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except (OSError, psutil.Error):
            continue
    return found


def kill_a_training_kernel(workspace: Path, mark: str, mode: str, folder: str) -> None:
    """Start a kernel that trains on a cluster of its own with its own fork server, and kill it in the middle."""
    name, value = mark.split("=")
    kernel = subprocess.Popen(
        [sys.executable, "-c", KERNEL, str(workspace), mode],
        env={**os.environ, name: value, "TMPDIR": folder, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert kernel.stdout is not None
    assert kernel.stdout.readline() == "training\n"
    assert len(marked(mark)) >= 8  # kernel, scheduler, nanny, two workers, fork server, controller, a rank at least
    kernel.send_signal(signal.SIGKILL)
    kernel.wait()


def test_a_killed_kernel_leaves_no_process(tmp_path: Path, mark: str) -> None:
    with tempfile.TemporaryDirectory(prefix="lt") as folder:  # short, since a socket's path must be
        kill_a_training_kernel(tmp_path, mark, "end", folder)
        deadline = time.monotonic() + 15
        while marked(mark) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert marked(mark) == []
    with Lab(tmp_path) as lab:
        assert lab.run.show("mlp-1").state == "failed"
        assert "The cluster has gone" in lab.run.show("mlp-1").error


def test_a_detached_cluster_is_attached_by_a_new_kernel(tmp_path: Path, mark: str) -> None:
    with tempfile.TemporaryDirectory(prefix="lt") as folder:
        kill_a_training_kernel(tmp_path, mark, "detach", folder)
        with Lab(tmp_path) as lab:
            assert len(lab.cluster.attach().workers) == 2
            assert lab.status().datasets[0].name == "digits"
            assert lab.run.stop("mlp-1").state == "cancelled"
            assert lab.train("mlp", "digits", epochs=2).state == "done"
            lab.cluster.down()
        deadline = time.monotonic() + 15
        while marked(mark) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert marked(mark) == []
