"""Every layout trains, and those that are the same algorithm end with the same weights."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lepton_lab import forkserver
from lepton_lab.errors import InputError
from lepton_lab.lab import Lab
from lepton_lab.train._job import Seat
from lepton_lab.train._strategy import wait_for_first
from tests.train.processes import wait_for, weights


@pytest.fixture
def plain(lab: Lab) -> list[Any]:
    """The weights that one rank ends with."""
    lab.model.new("plain", kind="mlp", data="digits", hidden_size=16)
    lab.train("plain", "digits", epochs=2, batch_size=50, workers=1)
    return weights(lab, "plain")


@pytest.mark.parametrize("strategy", ["single", "multiworker", "mirrored"])
def test_the_same_algorithm_ends_with_the_same_weights(lab: Lab, plain: list[Any], strategy: str) -> None:
    run = lab.train("plain", "digits", epochs=2, batch_size=50, strategy=strategy)
    assert run.strategy == strategy
    for ours, theirs in zip(weights(lab, "plain"), plain, strict=True):
        assert np.allclose(ours, theirs, atol=1e-5)


def test_others_wait_until_the_first_rank_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    seat, listens = Seat(1, "w1", (f"127.0.0.1:{port}", "127.0.0.1:1"), 1), threading.Event()
    with socket.socket() as first:
        first.bind(("127.0.0.1", port))  # held for it, as `reserve` does

        def listen() -> None:
            listens.set()
            first.listen()

        threading.Timer(0.3, listen).start()
        wait_for_first(seat)
        assert listens.is_set()
    monkeypatch.setattr("lepton_lab.train._strategy.FIRST_SECONDS", 0.1)
    wait_for_first(seat)  # nobody listens any more: TensorFlow is to say so
    monkeypatch.setattr("lepton_lab.train._strategy.FIRST_SECONDS", 1000.0)
    wait_for_first(replace(seat, rank=0))


def test_averaging_learns_and_its_ranks_agree_at_the_end(lab: Lab) -> None:
    lab.model.new("local", kind="mlp", data="digits")
    run = lab.train("local", "digits", epochs=6, batch_size=32, strategy="averaging", every=8)
    assert run.workers == ("w0", "w1")
    assert run.metrics["test_accuracy"] > 0.9
    assert run.history["examples"] == (1438.0,) * 6
    assert run.notes == (
        "Each of 2 ranks learns from its own rows, so adam's learning rate is 0.00141, sqrt(2) times what it is by "
        "default; --learning-rate sets another.",
    )


def test_averaging_at_every_step_of_plain_descent_is_synchronous(lab: Lab) -> None:
    """With equal shares and no momentum the mean of the steps is the step of the means."""
    x = np.arange(64, dtype=np.float32)[:, None] / 64
    lab.data.load((x, 0.5 + x[:, 0] ** 2), name="even", test_share=0)
    lab.model.new("sgd", kind="mlp", data="even", hidden_size=4)
    settings: dict[str, Any] = {"epochs": 2, "batch_size": 16, "optimizer": "sgd"}
    lab.train("sgd", "even", **settings, workers=1)
    theirs = weights(lab, "sgd")
    assert len(set(lab.run.show("sgd-1").history["loss"])) == 2  # it learns
    lab.train("sgd", "even", **settings, strategy="averaging", every=1)
    for a, b in zip(weights(lab, "sgd"), theirs, strict=True):
        assert np.allclose(a, b, atol=1e-5)


def test_auto_measures_and_says_why(lab: Lab) -> None:
    lab.model.new("large", kind="mlp", data="digits", hidden_size=256)
    run = lab.train("large", "digits", epochs=100_000, background=True).id
    wait_for(lambda: any("auto measured" in note for note in lab.run.show(run).notes))
    [note] = [note for note in lab.run.show(run).notes if "auto measured" in note]
    assert "single (2 threads)" in note
    assert "multiworker (2 ranks)" in note
    assert "is taken, the fastest" in note
    assert lab.run.stop(run).state == "cancelled"
    assert lab.run.show(run).restarts == 0


def test_auto_does_not_try_another_layout_for_a_short_run(lab: Lab, plain: list[Any]) -> None:
    run = lab.train("plain", "digits", epochs=2, batch_size=50)
    assert (run.strategy, run.workers) == ("single", ("w0",))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"strategy": "tpu"}, "needs a TPU, but the cluster has cpu only"),
        ({"precision": "mixed_float16"}, "needs a GPU, but the cluster has none: use mixed_bfloat16"),
        ({"every": 0}, "--every is 0"),
    ],
)
def test_devices_that_are_not_there(lab: Lab, plain: list[Any], settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        lab.train("plain", "digits", **settings)


def reach_for_a_tpu() -> None:
    """In a process that has TensorFlow: what a rank does first on a TPU host."""
    from lepton_lab.train._strategy import make_strategy

    make_strategy(Seat(0, "w0", ("localhost:1",), 1, "tpu"))


def test_a_tpu_that_does_not_answer() -> None:
    with pytest.raises(InputError, match="No TPU answers as 'nosuch'"):
        forkserver.call(f"{__name__}:reach_for_a_tpu", {}, environment={"TPU_NAME": "nosuch"})
