"""A Keras 3 model in training, held against Keras 3's own training on the same batches."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton_lab import forkserver
from lepton_lab.errors import InputError
from lepton_lab.lab import Lab
from lepton_lab.lab._training import Training, _suited
from lepton_lab.train import Job, describe
from lepton_lab.train._job import Seat
from lepton_lab.types import MADE_AGAIN, Model

SEAT = Seat(0, "here", ("127.0.0.1:1",), 2, layout="single")


class Listener:
    """A rank's channel to nobody, which asks it to stop after some reports."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.left = stop_after
        self.events: list[Any] = []

    def send(self, kind: str, event: Any) -> None:
        self.events.append(event)
        if self.left is not None and event["type"] == "progress":
            self.left -= 1

    def poll(self) -> bool:
        return self.left == 0

    def receive(self) -> tuple[str]:
        self.left = None
        return ("stop",)


def run(job: Job, name: str, dropout: float = 0.0, stop_after: int | None = None, **settings: Any) -> list[Any]:
    """The weights that the engine gives, in one go or with a break in the middle."""
    from lepton_lab.runtime import load_keras
    from lepton_lab.train import _checkpoint
    from lepton_lab.train._models import keep_keras3
    from lepton_lab.train._rank import run_rank
    from tests.native import network

    folder = job.folder / name
    (folder / "checkpoints").mkdir(parents=True)
    keep_keras3(folder, network(dropout))
    files = {"model_file": folder / "initial.keras", "output": folder / "out.keras"}
    job = dataclasses.replace(job, folder=folder, **files, **settings)
    seat = SEAT
    if stop_after:
        assert run_rank(job, seat, Listener(stop_after))["stopped"]  # type: ignore[arg-type]  # it listens as one does
        seat = dataclasses.replace(seat, checkpoint=_checkpoint.names(job.checkpoints)[0])
    run_rank(job, seat, Listener())  # type: ignore[arg-type]
    found: list[Any] = load_keras(job.output).get_weights()
    return found


def by_keras(job: Job, optimizer: Any) -> list[Any]:
    """The weights that Keras 3 gives on the same batches, whose rows that only fill up count nothing."""
    from lepton_lab.data import open_rows
    from lepton_lab.train import _order
    from tests.native import network

    x, y = (rows := open_rows(job.shards)).take(np.arange(len(rows)))
    model = network()
    model.compile(optimizer, "sparse_categorical_crossentropy")
    for epoch in range(1, job.epochs + 1):
        for batch in _order.epoch(len(rows), job.batch_size, 0, 1, job.seed, epoch):
            weights = batch.weights * len(batch.weights)
            model.train_on_batch(x[batch.rows].astype("float32"), y[batch.rows], sample_weight=weights)
    found: list[Any] = model.get_weights()
    return found


def differences(job: Job) -> dict[str, float]:
    """How far apart weights are that should be the same."""
    from lepton_lab.runtime import import_keras3
    from lepton_lab.train._strategy import set_devices

    def apart(one: list[Any], other: list[Any]) -> float:
        return max(float(np.abs(a - b).max()) for a, b in zip(one, other, strict=True))

    set_devices(SEAT)  # before Keras 3 computes anything
    adam = import_keras3().optimizers.Adam()
    whole, broken = (run(job, f"dropout{stop}", 0.3, stop) for stop in (None, 3))
    plain = run(job, "adam")
    return {
        "adam": apart(plain, by_keras(job, adam)),
        "resumed": apart(whole, broken),
        "dropped": apart(whole, plain),
    }


@pytest.fixture(scope="module")
def found(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    digits, nowhere = lab.data.get("digits"), Path("nowhere")
    shards = lab.data.shards_for_training(digits)
    folder = tmp_path_factory.mktemp("runs")
    parts = {kind: describe(kind, part) for kind, part in {"optimizer": "adam", "loss": "auto"}.items()}
    job = Job("it", folder, nowhere, nowhere, shards, digits, epochs=2, batch_size=200, **parts)
    # Whatever the user computes with elsewhere.
    environment = {"KERAS_BACKEND": "jax"}
    result: dict[str, float] = forkserver.call(f"{__name__}:differences", {"job": job}, environment=environment)
    return result


def test_gives_the_weights_that_keras_3_gives(found: dict[str, float]) -> None:
    assert found["adam"] < 1e-5


def test_goes_on_bit_by_bit_and_draws_what_it_would_have_drawn(found: dict[str, float]) -> None:
    assert found["resumed"] == 0 and found["dropped"] > 1e-3


def test_trains_in_one_process(tmp_path: Path) -> None:
    model = Model("net", tmp_path, "added", "new", "keras", (2,), (1,), 3, library="keras")
    settings, [note] = _suited(Training(1, 8), model)
    assert settings.strategy == "single" and "one of Keras 3" in note
    assert _suited(Training(1, 8, strategy="single"), model) == (Training(1, 8, strategy="single"), ())
    with pytest.raises(InputError, match="'net' is one of Keras 3, which trains with --strategy single only, not with"):
        _suited(Training(1, 8, strategy="mirrored"), model)


def test_a_checkpoint_of_tf_keras_is_said_to_whom_has_keras_3() -> None:
    twin = Model("net", Path(), "added", "new", "keras", (1,), (1,), 1, notes=(f"{MADE_AGAIN}: 8 random rows",))
    training = Training(1, 8, callbacks=({"class_name": "ModelCheckpoint", "config": {"filepath": "best.keras"}},))
    assert "tf_keras.models.load_model reads" in " ".join(_suited(training, twin)[1])
    assert _suited(training, dataclasses.replace(twin, notes=())) == (training, ())
    assert _suited(Training(1, 8), twin) == (Training(1, 8), ())
