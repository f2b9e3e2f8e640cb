"""What a run leaves for TensorBoard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lepton_lab import forkserver
from lepton_lab.lab import Lab
from tests.train_fixture import SOFTMAX


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Steps and values by tag, as TensorBoard reads them."""
    import tensorflow as tf

    found: dict[str, list[tuple[int, float]]] = {}
    for file in sorted(folder.glob("events.out.tfevents.*")):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                assert value.metadata.plugin_data.plugin_name == "scalars"
                found.setdefault(value.tag, []).append((event.step, float(tf.make_ndarray(value.tensor))))
    return found


def test_epochs_are_in_tensorboards_files(lab: Lab) -> None:
    lab.model.new("logged", data="digits", builder=SOFTMAX)
    schedule = "PolynomialDecay(0.1, 60)"
    run = lab.train(
        "logged", "digits", epochs=3, validation=0.2, learning_rate=schedule, metrics="auc", strategy="multiworker"
    )

    def read(side: str) -> Any:
        return forkserver.call(f"{__name__}:scalars", {"folder": run.folder / "tensorboard" / side})

    train, validation = read("train"), read("validation")
    assert set(train) == {"epoch_loss", "epoch_accuracy", "epoch_auc", "epoch_learning_rate"}
    assert set(validation) == {"epoch_loss", "epoch_accuracy", "epoch_auc"}
    for written, prefix in ((train, ""), (validation, "val_")):
        for tag, points in written.items():
            assert [step for step, _ in points] == [0, 1, 2]
            expected = run.history[tag.replace("epoch_", prefix)]
            assert [value for _, value in points] == pytest.approx(expected, rel=1e-6)
