"""How a run is shown."""

from __future__ import annotations

from pathlib import Path

from lepton_lab.types import Run


def run(epochs: int, workers: tuple[str, ...] = ("w0",)) -> Run:
    names = ("accuracy", "learning_rate", "loss", "val_accuracy", "val_loss", "seconds", "examples")
    history = {name: tuple(float(epoch) for epoch in range(1, epochs + 1)) for name in names}
    return Run("r-1", "m", "d", "done", Path(), epochs, 64, "single", workers, 0.0, history=history)


def test_columns_are_in_the_order_of_reading() -> None:
    header = run(2).table().header
    assert header == (*("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "examples/s"),)


def test_of_many_epochs_the_first_and_the_last() -> None:
    assert len(run(20).table().rows) == 20
    rows = run(300).table().rows
    assert [row[0] for row in rows] == [*range(1, 11), "...", *range(291, 301)]


def test_a_run_that_has_no_workers_yet() -> None:
    assert "single; batch 64" in run(0, ()).table().notes[0]
