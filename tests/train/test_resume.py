"""A run that was cut short goes on as if it had not been: after a cancel, with other workers, in another kernel."""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton_lab.errors import InputError
from lepton_lab.events import EpochEnded
from lepton_lab.lab import Lab
from tests.train.processes import wait_for, weights

SETTINGS: dict[str, Any] = {"strategy": "multiworker", "batch_size": 16, "checkpoint_seconds": 0.3}
DROPOUT = """
def build(input_shape, num_classes):
    layers = keras.layers
    return keras.Sequential([
        keras.Input(input_shape), layers.Flatten(), layers.Dense(16, activation="relu"), layers.Dropout(0.3),
        layers.BatchNormalization(), layers.Dense(num_classes, activation="softmax"),
    ])
"""


@pytest.fixture(autouse=True)
def model(lab: Lab) -> None:
    lab.model.new("dropping", data="digits", builder=DROPOUT)


def checkpoints(lab: Lab, run: str) -> list[Path]:
    return sorted((lab.workspace.path("runs", run) / "checkpoints").glob("*.json"))


def begin(lab: Lab, epochs: int, **settings: Any) -> str:
    """A run in the background, once it has a checkpoint."""
    run = lab.train("dropping", "digits", epochs=epochs, background=True, **SETTINGS | settings).id
    wait_for(lambda: checkpoints(lab, run))
    return run


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("cancels", "epochs"), [(2, 15), pytest.param(10, 60, marks=pytest.mark.soak)])
def test_cancels_and_resumes_change_nothing(lab: Lab, cancels: int, epochs: int) -> None:
    chance = random.Random(3)
    expected = lab.train("dropping", "digits", epochs=epochs, **SETTINGS)
    theirs = weights(lab, "dropping")
    run = begin(lab, epochs)
    for _ in range(cancels):
        time.sleep(chance.uniform(0.0, 0.3))
        assert lab.run.stop(run).state == "cancelled"
        assert lab.run.resume(run, background=True).id == run
        wait_for(lambda: lab.run.show(run).state == "running")
    result = lab.run.wait(run)
    assert all(np.array_equal(a, b) for a, b in zip(weights(lab, "dropping"), theirs, strict=True))  # bitwise
    assert len(result.history["loss"]) == epochs
    assert result.history["loss"] == pytest.approx(expected.history["loss"], rel=1e-6)
    assert result.history["accuracy"] == expected.history["accuracy"]
    assert result.metrics == pytest.approx(expected.metrics)


def test_ranks_that_learn_by_themselves_go_on_bit_by_bit(lab: Lab) -> None:
    """Each has its own optimiser's memory, and all of them are in the checkpoint."""
    settings = SETTINGS | {"strategy": "averaging", "every": 8, "epochs": 40}
    lab.train("dropping", "digits", **settings)
    theirs = weights(lab, "dropping")
    run = begin(lab, **settings)
    for _ in range(3):
        assert lab.run.stop(run).state == "cancelled"
        lab.run.resume(run, background=True)
        wait_for(lambda: lab.run.show(run).state == "running")
    assert lab.run.wait(run).state == "done"
    assert all(np.array_equal(a, b) for a, b in zip(weights(lab, "dropping"), theirs, strict=True))


def test_cancel_leaves_a_checkpoint_and_the_workers_within_two_seconds(lab: Lab) -> None:
    run = begin(lab, 100_000, checkpoint_seconds=0.3)
    wait_for(lambda: len(lab.run.show(run).history.get("loss", ())) > 3)
    began = time.monotonic()
    assert lab.run.stop(run).state == "cancelled"
    assert time.monotonic() - began < 5  # on a busy machine; the benchmark says what is usual
    assert checkpoints(lab, run)
    assert lab.train("dropping", "digits", epochs=1, **SETTINGS).state == "done"


def test_a_damaged_checkpoint_is_passed_over_with_a_word(lab: Lab) -> None:
    expected = lab.train("dropping", "digits", epochs=20, **SETTINGS)
    theirs = weights(lab, "dropping")
    run = begin(lab, 20, keep=5)
    wait_for(lambda: len(checkpoints(lab, run)) > 1)
    lab.run.stop(run)
    last = checkpoints(lab, run)[-1].with_suffix(".npz")
    content = bytearray(last.read_bytes())
    content[len(content) // 2] ^= 1
    last.write_bytes(content)
    result = lab.run.resume(run)
    assert any(f"checkpoint {last.stem} is damaged" in note for note in result.notes)
    assert all(np.array_equal(a, b) for a, b in zip(weights(lab, "dropping"), theirs, strict=True))
    assert result.history["accuracy"] == expected.history["accuracy"]


def test_what_can_not_be_gone_on_with_is_said(lab: Lab) -> None:
    done = lab.train("dropping", "digits", epochs=1, **SETTINGS)
    with pytest.raises(InputError, match="is done"):
        lab.run.resume(done.id)
    run = begin(lab, 100_000)
    with pytest.raises(InputError, match="under way"):
        lab.run.resume(run)
    lab.run.stop(run)
    lab.data.shard("digits", shards=5)
    try:
        with pytest.raises(InputError, match="not those that the run began with"):
            lab.run.resume(run)
    finally:
        lab.data.shard("digits", shards=8)


EXACT = """
def build(input_shape, num_classes):
    layers = keras.layers
    return keras.Sequential([
        keras.Input(input_shape, dtype="float64"), layers.Flatten(dtype="float64"),
        layers.Dense(16, activation="relu", dtype="float64"), layers.Dense(num_classes, dtype="float64"),
        layers.Softmax(dtype="float64"),
    ])
"""  # in 15,000 steps, what another number of ranks rounds off grows beyond 1e-5 in float32


def test_scaling_takes_effect_without_loss(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        lab.cluster.up(workers=1, threads=1)
        lab.data.load("digits")
        lab.model.new("plain", data="digits", builder=EXACT)
        settings = SETTINGS | {"optimizer": "sgd"}
        lab.train("plain", "digits", epochs=150, **settings)
        theirs = weights(lab, "plain")
        run = lab.train("plain", "digits", epochs=150, background=True, **settings).id
        wait_for(lambda: checkpoints(lab, run))
        lab.cluster.scale(2)
        wait_for(lambda: lab.run.show(run).workers == ("w0", "w1") and lab.run.show(run).state == "running")
        wait_for(lambda: lab.run.show(run).history.get("loss"))
        lab.cluster.scale(1)
        assert lab.run.show(run).workers == ("w0",)
        result = lab.run.wait(run)
        assert (result.state, result.restarts) == ("done", 0)
        for a, b in zip(weights(lab, "plain"), theirs, strict=True):
            assert np.allclose(a, b, atol=1e-5)


KERNEL = """
import sys, threading, time
from lepton_lab.events import EpochEnded
from lepton_lab.lab import Lab
lab = Lab(sys.argv[1])
lab.cluster.up(workers=2, threads=1, detach=sys.argv[2] == "detach")
lab.data.load("digits")
lab.model.new("dropping", data="digits", builder=sys.argv[3])
under_way = threading.Event()
lab.events.subscribe(lambda event: under_way.set(), EpochEnded)
run = lab.train("dropping", "digits", epochs=int(sys.argv[4]), strategy="multiworker", batch_size=16,
    checkpoint_seconds=0.3, background=True)
under_way.wait(60)
while not list((run.folder / "checkpoints").glob("*.json")):
    time.sleep(0.02)
print("training", flush=True)
sys.stdin.read()
"""


def a_kernel_that_dies(workspace: Path, mode: str, epochs: int) -> None:
    """Start a run in another process, and kill that once the run has a checkpoint."""
    kernel = subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", KERNEL, str(workspace), mode, DROPOUT, str(epochs)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert kernel.stdout is not None
    if not select.select([kernel.stdout], [], [], 100)[0]:
        kernel.send_signal(signal.SIGABRT)  # tells where all its threads are
        runs = [file.read_text() for file in workspace.glob("runs/*/*") if file.suffix in (".log", ".json")]
        pytest.fail("\n".join(["no checkpoint after 100 s", *runs]))
    assert kernel.stdout.readline() == "training\n"
    kernel.send_signal(signal.SIGKILL)
    kernel.wait()


def test_a_run_outlives_its_kernel_on_a_detached_cluster(tmp_path: Path) -> None:
    a_kernel_that_dies(tmp_path, "detach", epochs=60)
    with Lab(tmp_path) as lab:
        lab.cluster.attach()
        epochs: list[int] = []
        lab.events.subscribe(lambda event: epochs.append(event.epoch), EpochEnded)
        before = len(lab.run.show("dropping-1").history.get("loss", ()))
        assert lab.run.show("dropping-1").state == "running"
        assert "running" in str(lab.runs())
        result = lab.run.wait("dropping-1")
        assert (result.state, len(result.history["loss"]), result.restarts) == ("done", 60, 0)
        # with so few steps and so much dropout the model itself knows nothing yet, and the run may say so
        assert all(note.startswith("After the first epoch the loss is") for note in result.notes)
        assert epochs[-1] == 60
        assert len(epochs) <= 60 - before + 1  # what went on from then on
        assert lab.model.show("dropping").stage == "trained"
        lab.cluster.down()


def test_a_run_of_a_dead_kernel_and_cluster_goes_on_in_another(tmp_path: Path) -> None:
    a_kernel_that_dies(tmp_path, "end", epochs=25)
    with Lab(tmp_path) as other:
        wait_for(lambda: other.run.show("dropping-1").is_over, 20)
        failed = other.run.show("dropping-1")
        assert failed.state == "failed"
        assert "run resume dropping-1" in failed.error
        other.cluster.up(workers=2, threads=1)
        result = other.run.resume()
        assert (result.state, result.error) == ("done", "")
        ours = weights(other, "dropping")
        undisturbed = other.train("dropping", "digits", epochs=25, **SETTINGS)
        assert result.history["accuracy"] == undisturbed.history["accuracy"]
        assert all(np.array_equal(a, b) for a, b in zip(ours, weights(other, "dropping"), strict=True))


def test_stop_works_on_a_run_of_another_kernel(tmp_path: Path) -> None:
    a_kernel_that_dies(tmp_path, "detach", epochs=100_000)
    with Lab(tmp_path) as lab:
        lab.cluster.attach()
        assert lab.run.stop("dropping-1").state == "cancelled"
        lab.cluster.down()
