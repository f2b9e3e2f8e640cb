"""What goes wrong on machines: killed, stopped and silent processes, full disks, taken ports. A run outlives it."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from lepton_lab.errors import InputError, TrainingError
from lepton_lab.lab import Lab
from lepton_lab.train import _supervisor
from tests.train.processes import controller, ranks, wait_for, weights

SETTINGS: dict[str, Any] = {"strategy": "multiworker", "batch_size": 16, "checkpoint_seconds": 0.3}


@pytest.fixture(autouse=True)
def model(lab: Lab) -> str:
    """A model whose epochs take a tenth of a second or so."""
    lab.model.new("sturdy", kind="mlp", data="digits", hidden_size=16)
    return "sturdy"


def start(lab: Lab, epochs: int, **settings: Any) -> str:
    """A run in the background; returns its id once it has taken its first steps."""
    run = lab.train("sturdy", "digits", epochs=epochs, background=True, **SETTINGS | settings).id
    wait_for(lambda: lab.run.show(run).state != "starting")
    return run


def reports(lab: Lab, run: str) -> str:
    return (lab.workspace.path("runs", run) / "events.jsonl").read_text()


def has_checkpoint(lab: Lab, run: str) -> bool:
    return any((lab.workspace.path("runs", run) / "checkpoints").glob("*.json"))


def undisturbed(lab: Lab, epochs: int, **settings: Any) -> list[Any]:
    assert lab.train("sturdy", "digits", epochs=epochs, **SETTINGS | settings).restarts == 0
    return weights(lab, "sturdy")


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("most", "epochs"), [(4, 40), pytest.param(20, 120, marks=pytest.mark.soak)])
def test_random_kills_change_nothing(lab: Lab, most: int, epochs: int) -> None:
    chance = random.Random(7)
    settings = {"optimizer": "sgd"}  # Adam would make large steps of what one rank alone, for a while, rounds off
    expected = undisturbed(lab, epochs, **settings)
    run = start(lab, epochs, max_failures=most, **settings)
    kills = 0
    while kills < most:
        time.sleep(chance.uniform(0.1, 1.5))
        victims = ranks(lab, run)
        if chance.random() < 0.25:
            answers = lab.cluster.handle.client.run(os.getpid, on_error="ignore")  # one may just have been killed
            victims = [int(pid) for pid in answers.values()]
        assert not lab.run.show(run).is_over, "the run ended before all kills: make it longer"
        if victims:
            try:
                os.kill(chance.choice(victims), signal.SIGKILL)
                kills += 1
            except ProcessLookupError:
                continue
    result = lab.run.wait(run)
    assert result.state == "done", result.notes
    assert result.restarts > 0
    assert len(result.history["loss"]) == epochs
    for ours, theirs in zip(weights(lab, "sturdy"), expected, strict=True):
        assert np.allclose(ours, theirs, atol=1e-5)
    wait_for(lambda: len(lab.cluster.status().workers) == 2)


def test_a_killed_rank_costs_seconds(lab: Lab) -> None:
    run = start(lab, 100_000)
    wait_for(lambda: has_checkpoint(lab, run))
    first, second = ranks(lab, run)
    os.kill(first, signal.SIGKILL)
    began = time.monotonic()
    wait_for(lambda: not psutil.pid_exists(second), 10)
    assert time.monotonic() - began < 5
    wait_for(lambda: lab.run.show(run).state == "restarting" or lab.run.show(run).restarts)
    wait_for(lambda: lab.run.show(run).state == "running", 20)
    assert "ended with signal SIGKILL" in " ".join(lab.run.show(run).notes)
    assert lab.run.stop(run).state == "cancelled"


def test_given_up_after_failing_without_getting_further(lab: Lab) -> None:
    run = start(lab, 100_000, checkpoint_seconds=1000.0, max_failures=1)
    for _ in range(2):
        wait_for(lambda: lab.run.show(run).state == "running" and len(ranks(lab, run)) == 2)
        pid = ranks(lab, run)[0]
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda pid=pid: not psutil.pid_exists(pid) and lab.run.show(run).state != "running")  # type: ignore[misc]
    with pytest.raises(TrainingError, match=r"failed 2 times in a row.*signal SIGKILL"):
        lab.run.follow(run)


def test_a_stopped_rank_is_killed_and_the_run_goes_on(lab: Lab) -> None:
    run = start(lab, 100_000)
    wait_for(lambda: has_checkpoint(lab, run))
    os.kill(ranks(lab, run)[1], signal.SIGSTOP)
    began = time.monotonic()
    wait_for(lambda: "is stopped (SIGSTOP" in reports(lab, run), 30)
    wait_for(lambda: lab.run.show(run).state == "running", 20)
    assert time.monotonic() - began < 30
    lab.run.stop(run)


def be_patient(seconds: float) -> None:
    """In a worker: how long the first rank may be silent in its callbacks."""
    _supervisor.ALONE_SECONDS = seconds


def test_a_rank_that_hangs_tells_where(lab: Lab) -> None:
    import tf_keras

    class Endless(tf_keras.callbacks.Callback):  # type: ignore[misc]  # tf_keras is untyped
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            time.sleep(1000)

    client, patience = lab.cluster.handle.client, _supervisor.ALONE_SECONDS
    client.run(be_patient, 1.0)
    try:
        run = start(lab, 9, strategy="single", callbacks=Endless(), max_failures=0)
        with pytest.raises(
            TrainingError, match=r"rank 0 on worker w\d took more than \d+ s in its callbacks.*rank-0.log"
        ):
            lab.run.follow(run)
    finally:
        client.run(be_patient, patience)
    assert "in on_epoch_end" in (lab.workspace.path("runs", run) / "rank-0.log").read_text()


def test_a_rank_that_never_joins_is_found_out(lab: Lab) -> None:
    run = lab.train("sturdy", "digits", epochs=100_000, background=True, **SETTINGS).id
    wait_for(lambda: len(ranks(lab, run)) > 0)
    os.kill(ranks(lab, run)[0], signal.SIGSTOP)
    began = time.monotonic()
    wait_for(lambda: lab.run.show(run).restarts > 0)
    assert any(words in " ".join(lab.run.show(run).notes) for words in ("is stopped", "no sign of life"))
    wait_for(lambda: lab.run.show(run).state == "running", 20)
    assert time.monotonic() - began < 60
    lab.run.stop(run)


def take_the_next_port() -> None:
    """In a worker: the next port that is reserved for a rank is somebody else's already."""
    honest = _supervisor.reserve

    def taken(token: str, generation: int, rank: int, host: str) -> str:
        _supervisor.reserve = honest
        theirs = socket.create_server((host, 0))
        _supervisor._ports[generation, token, rank] = theirs  # lives as long as an honest one
        return f"{host}:{theirs.getsockname()[1]}"

    _supervisor.reserve = taken


@pytest.mark.parametrize("number", [0, 1])
def test_a_taken_port_is_left_for_another(lab: Lab, number: int) -> None:
    worker = lab.cluster.handle.workers()[number]
    lab.cluster.handle.client.run(take_the_next_port, workers=[worker.address])
    began = time.monotonic()
    run = lab.train("sturdy", "digits", epochs=2, **SETTINGS)
    assert time.monotonic() - began < 60
    assert (run.state, run.restarts) == ("done", 1)
    assert "could not join its peers" in run.notes[0]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB, where the machine lets us make one; else a folder that nothing can be written to."""
    folder = tmp_path / "small"
    folder.mkdir()
    is_mounted = not subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True, check=False
    ).returncode
    if not is_mounted:
        folder.rmdir()
        folder.write_text("in the way")
    yield folder
    if is_mounted:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_for_checkpoints_is_told_and_the_run_goes_on(lab: Lab, small_disk: Path) -> None:
    lab.model.new("sturdy", kind="mlp", data="digits", hidden_size=256)
    run = lab.train("sturdy", "digits", epochs=15, background=True, **SETTINGS).id
    (lab.workspace.path("runs", run) / "checkpoints").symlink_to(small_disk)
    result = lab.run.wait(run)
    assert result.state == "done"
    told = [note for note in result.notes if "checkpoint could not be written" in note]
    assert told
    assert "the disk is full" in told[0] or small_disk.is_file()


def test_a_run_ends_with_a_word_when_its_cluster_dies(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        lab.cluster.up(workers=2, threads=1)
        lab.data.load("digits")
        lab.model.new("sturdy", kind="mlp", data="digits", hidden_size=16)
        run = start(lab, 100_000)
        wait_for(lambda: has_checkpoint(lab, run))
        scheduler = next(p for p in psutil.process_iter(["cmdline"]) if is_scheduler_of(p, tmp_path))
        scheduler.kill()
        with pytest.raises(TrainingError, match=r"cluster has gone.*run resume sturdy-1"):
            lab.run.wait(run)


def is_scheduler_of(process: psutil.Process, workspace: Path) -> bool:
    line = " ".join(process.info["cmdline"] or [])
    return "scheduler" in line.lower() and str(workspace) in line


def test_a_dead_controller_is_noticed(lab: Lab) -> None:
    run = start(lab, 100_000)
    wait_for(lambda: has_checkpoint(lab, run))
    os.kill(controller(lab, run), signal.SIGKILL)
    with pytest.raises(TrainingError, match="run resume"):
        lab.run.follow(run)
    assert lab.run.show(run).state == "failed"


def test_nothing_is_left_of_a_run_that_could_not_start(lab: Lab) -> None:
    before = lab.run.names()
    file = lab.model.show("sturdy").folder / "initial.keras"
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(InputError, match="can't be loaded as a Keras model"):
        lab.train("sturdy", "digits", epochs=1, **SETTINGS)
    assert lab.run.names() == before
