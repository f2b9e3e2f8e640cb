"""Runs on two real workers: every row once, equal weights whatever their number, and failures that end with a word."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lepton_lab.errors import InputError, TrainingError, UnknownNameError
from lepton_lab.events import EpochEnded, RunChanged, RunProgress
from lepton_lab.lab import Lab
from lepton_lab.train import _journal, write_run
from lepton_lab.train._checkpoint import latest
from lepton_lab.train._controller import SAVE_SECONDS, Controller
from lepton_lab.types import Run
from tests.train.processes import weights

LINE = """
def build(input_shape, num_classes):
    return keras.Sequential([keras.Input(input_shape), keras.layers.Dense(1, kernel_initializer="zeros")])
"""
EMBEDDING = """
def build(input_shape, num_classes):
    rows = keras.Input(input_shape)
    return keras.Model(rows, keras.layers.Dense(1)(keras.layers.Flatten()(keras.layers.Embedding(10, 4)(rows))))
"""


@pytest.fixture(scope="module")
def powers(lab: Lab) -> str:
    """Twenty rows whose targets are 1/2, 1, 2, 4, ...: their sum and count tell how often each was seen."""
    rows = np.arange(20, dtype=np.float32)[:, None]
    lab.data.load((rows, (2.0 ** np.arange(-1, 19)).astype(np.float32)), name="powers", test_share=0)
    lab.data.shard("powers", shards=3)
    lab.model.new("line", data="powers", builder=LINE)
    return "powers"


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("batch_size", [1, 3, 8, 64])
def test_every_row_is_seen_exactly_once_an_epoch(lab: Lab, powers: str, workers: int, batch_size: int) -> None:
    run = lab.train(
        "line",
        powers,
        epochs=2,
        batch_size=batch_size,
        workers=workers,
        learning_rate=1e-12,
        optimizer="sgd",
        strategy="multiworker",
    )
    # Doubled: 20 numbers of the form 2^k have the sum 2^20 - 1 only if each of the first twenty is there once.
    for examples, mean in zip(run.history["examples"], run.history["mae"], strict=True):
        assert (examples, round(2 * mean * examples)) == (20, 2**20 - 1)
    assert len(run.history["examples"]) == 2


def test_one_worker_and_two_end_with_the_same_weights(lab: Lab) -> None:
    lab.model.new("twin", kind="mlp", data="digits", hidden_size=16)
    results = []
    for workers in (1, 2, 2):
        lab.train("twin", "digits", epochs=2, batch_size=50, workers=workers, strategy="multiworker")
        results.append(weights(lab, "twin"))
    for one, two, again in zip(*results, strict=True):
        assert two == pytest.approx(one, abs=1e-5)
        assert np.array_equal(two, again)


def test_learns_and_reports(lab: Lab) -> None:
    events: list[Any] = []
    unsubscribe = lab.events.subscribe(events.append, RunProgress, EpochEnded, RunChanged)
    lab.model.new("quick", kind="mlp", data="digits")
    run = lab.train("quick", "digits", epochs=4, strategy="multiworker")
    unsubscribe()
    assert run.state == "done"
    assert run.metrics["test_accuracy"] > 0.85
    assert run.history["loss"][-1] < run.history["loss"][0]
    assert [e.state for e in events if isinstance(e, RunChanged)] == ["starting", "running", "done"]
    assert [e.epoch for e in events if isinstance(e, EpochEnded)] == [1, 2, 3, 4]
    progress = [e for e in events if isinstance(e, RunProgress)]
    assert set(progress[-1].rates) == {worker.name for worker in lab.cluster.handle.workers()}
    assert progress[-1].remaining == pytest.approx(0, abs=0.01)
    assert (run.folder / "events.jsonl").read_text().count("EpochEnded") == 4
    assert lab.model.show("quick").metrics == run.metrics
    assert lab.evaluate("quick").metrics["accuracy"] == pytest.approx(run.metrics["test_accuracy"], abs=1e-6)


def test_training_again_starts_afresh_unless_warm(lab: Lab) -> None:
    lab.model.new("again", kind="mlp", data="digits", hidden_size=16)
    first = lab.train("again", "digits", epochs=2, workers=1)
    assert lab.train("again", "digits", epochs=2, workers=1).history["loss"] == first.history["loss"]
    warm = lab.train("again", "digits", epochs=2, workers=1, warm_start=True)
    assert warm.history["loss"][0] < first.history["loss"][-1]


def test_an_error_in_one_rank_ends_the_run_with_its_own_message(lab: Lab) -> None:
    rows = np.zeros((64, 1), np.float32)
    rows[17] = 50  # beyond the embedding's ten rows: only the rank that gets this row fails
    lab.data.load((rows, np.linspace(0, 1, 64, dtype=np.float32)), name="bad_row", test_share=0)
    lab.model.new("embedding", data="bad_row", builder=EMBEDDING)
    started = time.monotonic()
    with pytest.raises(
        TrainingError, match=r"rank \d on worker w\d raised InvalidArgumentError.*50 is not in \[0, 10\)"
    ):
        lab.train("embedding", "bad_row", epochs=3, batch_size=16, strategy="multiworker")
    assert time.monotonic() - started < 15
    assert lab.model.show("embedding").stage == "new"


def start_long_run(lab: Lab) -> str:
    """A run in the background that would take minutes; returns its id once it is under way."""
    lab.model.new("long", kind="mlp", data="digits")
    running = threading.Event()
    unsubscribe = lab.events.subscribe(lambda event: running.set() if event.epoch > 1 else None, RunProgress)  # type: ignore[attr-defined]
    run = lab.train("long", "digits", epochs=100_000, strategy="multiworker", background=True)
    assert running.wait(60)
    unsubscribe()
    return run.id


def test_stop_leaves_the_workers(lab: Lab) -> None:
    run = start_long_run(lab)
    started = time.monotonic()
    stopped = lab.run.stop()
    assert stopped.state == "cancelled" and time.monotonic() - started < 5
    assert lab.run.show(run).state == "cancelled"
    checkpoint = latest(stopped.folder / "checkpoints", print)
    assert checkpoint is not None and checkpoint.place.history == stopped.history  # nothing that was said is missed
    assert len(lab.cluster.status().workers) == 2
    with pytest.raises(InputError, match="No run is under way"):
        lab.run.stop()


def test_ranks_with_ever_more_to_say_hold_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records: list[int] = []

    def write(run: Run) -> None:
        records.append(len(run.history.get("loss", ())))
        write_run(run)

    monkeypatch.setattr(_journal, "write_run", write)
    job: Any = SimpleNamespace(run="run-1", token="t", epochs=100_000, steps=1)
    run = Run("run-1", "m", "d", "running", tmp_path, 100_000, 64, "single", ("w0",), time.time())
    order: Any = SimpleNamespace(job=job, run=run, strategy="single", workers=None)
    controller = Controller(order)
    controller.board.restart(1, ("w0",), {})
    for epoch in range(5000):
        logs = {"loss": 0.5, "seconds": 0.1}
        controller._inbox.put({"type": "epoch", "generation": 1, "rank": 0, "epoch": epoch + 1, "logs": logs})
    longest, started = 0.0, time.monotonic()
    while not controller._inbox.empty():
        before = time.monotonic()
        controller._listen(0.05)
        longest = max(longest, time.monotonic() - before)
    assert longest < 1
    assert len(records) <= 1 + (time.monotonic() - started) / SAVE_SECONDS
    controller._enter("cancelled")
    assert records[-1] == 5000 == len(_journal.read_run(tmp_path).history["loss"])


def test_an_interrupt_cancels_the_run(lab: Lab) -> None:
    lab.model.new("long", kind="mlp", data="digits")
    under_way, over = threading.Event(), threading.Event()

    def interrupt() -> None:
        """As an impatient user: once a second until it helps."""
        under_way.wait(60)
        while not over.wait(1):
            os.kill(os.getpid(), signal.SIGINT)

    user = threading.Thread(target=interrupt)
    user.start()
    unsubscribe = lab.events.subscribe(lambda event: under_way.set(), RunProgress)
    with pytest.raises(KeyboardInterrupt):
        try:
            lab.train("long", "digits", epochs=100_000)
        finally:
            over.set()
    user.join()
    unsubscribe()
    deadline = time.monotonic() + 10
    while not all(lab.run.show(name).is_over for name in lab.run.names()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert lab.run.show(lab.workspace.run_names()[-1]).is_over
    assert "cancelled" in {lab.run.show(name).state for name in lab.run.names() if name.startswith("long")}


def test_two_runs_at_once_take_turns(lab: Lab) -> None:
    for name in ("left", "right"):
        lab.model.new(name, kind="mlp", data="digits", hidden_size=8)
    runs = [lab.train(name, "digits", epochs=2, strategy="multiworker", background=True) for name in ("left", "right")]
    assert [lab.run.wait(run.id).state for run in runs] == ["done", "done"]


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"epochs": 0}, InputError, "--epochs is 0"),
        ({"batch_size": -1}, InputError, "--batch-size is -1"),
        ({"learning_rate": 0.0}, InputError, "--learning-rate is 0"),
        ({"workers": 3}, InputError, "--workers is 3, but the cluster has 2"),
        ({"strategy": "multi"}, UnknownNameError, "Did you mean 'multiworker'"),
        ({"optimizer": "adamm"}, InputError, "no optimizer 'adamm'"),
        ({"loss": "mist"}, InputError, "no loss 'mist'"),
        ({"data": "digitz"}, UnknownNameError, "Did you mean 'digits'"),
        ({"model": "nosuch"}, UnknownNameError, "no model 'nosuch'"),
    ],
)
def test_bad_settings_are_refused_before_any_work(
    lab: Lab, settings: dict[str, Any], error: type[Exception], message: str
) -> None:
    lab.model.new("fine", kind="mlp", data="digits", hidden_size=8)
    before = lab.run.names()
    with pytest.raises(error, match=message):
        lab.train(**{"model": "fine", "data": "digits"} | settings)
    assert lab.run.names() == before


def test_a_model_that_does_not_fit_the_labels(lab: Lab) -> None:
    lab.model.new("three", kind="mlp", input_shape=(8, 8, 1), num_classes=3)
    with pytest.raises(InputError, match=r"answers with 3 numbers a row, but 'digits' needs 10 \(classes\)"):
        lab.train("three", "digits")


def test_a_damaged_shard_is_named(lab: Lab) -> None:
    lab.data.load("digits", name="damaged")
    shards = lab.data.shard("damaged", shards=4)
    lab.model.new("fine", kind="mlp", data="damaged", hidden_size=8)
    file = shards.shards[2].folder / "x.npy"
    content = bytearray(file.read_bytes())
    content[-10] ^= 1
    file.write_bytes(content)
    with pytest.raises(TrainingError, match=r"[Ss]hard 2.*x\.npy"):
        lab.train("fine", "damaged", epochs=1)
