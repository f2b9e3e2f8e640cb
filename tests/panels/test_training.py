from __future__ import annotations

import pytest

from lepton_lab import panels
from lepton_lab.events import RunChanged, RunProgress, WorkerLoad
from lepton_lab.types import FINAL_STATES
from tests.panels.conftest import Events, loads, training


def test_title_curves_and_marks(lab: Events) -> None:
    for event in training(end=""):
        lab.events.publish(event)
    lab.events.publish(WorkerLoad("w0", 90.0, 1, 0))
    panel = panels.open(lab, "training")
    picture = panel._picture()
    assert picture.title == "Run cnn-1, running, epoch 3/3, step 10/10, 4.0 s left"
    assert [[line.name for line in plot.lines] for plot in picture.plots] == [
        ["loss", "val_loss"],
        ["accuracy", "val_accuracy"],
        ["w0", "w1"],
        ["w0"],
    ]
    assert [line.name for line in picture.legend] == ["training", "validation", "w0", "w1"]
    assert picture.marks == "epochs" and len(panel._histories["epochs"]) == 3
    assert picture.plots[0].title.startswith("Loss 0.3")


@pytest.mark.parametrize("state", FINAL_STATES)
def test_any_final_state_ends_it(lab: Events, state: str) -> None:
    panel = panels.open(lab, "training")
    for event in training(end=state):
        lab.events.publish(event)
    assert not panel.is_live
    assert panel._picture().title == f"Run cnn-1, {state}, epoch 3/3"


def test_it_shows_the_last_run_until_the_next_begins(lab: Events) -> None:
    for event in training("a-1"):
        lab.events.publish(event)
    panel = panels.open(lab, "training")
    assert panel.is_live and panel._picture().title.startswith("Run a-1, done")
    for event in training("a-2", end=""):
        lab.events.publish(event)
    assert panel.is_live and panel._picture().title.startswith("Run a-2, running")
    assert len(panel._histories["progress"]) == 30


def test_the_latest_run_of_an_earlier_kernel_is_shown(lab: Events) -> None:
    lab.run.told = {"a-1": list(training("a-1")), "a-2": list(training("a-2"))}
    panel = panels.open(lab, "training")
    assert panel.is_live and panel._picture().title == "Run a-2, done, epoch 3/3"
    assert len(panel._histories["progress"]) == 30 and len(panel._histories["epochs"]) == 3


def test_a_run_that_is_gone_on_with_is_shown_from_its_first_step(lab: Events) -> None:
    before, after = list(training("a-1", end="cancelled")), list(training("a-1", end="", start=1e9 + 60))
    lab.run.told = {"a-1": before + after[:1]}  # the file may have the event that is heard, too
    panel = panels.open(lab, "training")
    for event in after:
        lab.events.publish(event)
    assert panel._picture().title.startswith("Run a-1, running, epoch 3/3")
    assert len(panel._histories["epochs"]) == 6
    late = panels.open(lab, "training")  # what the bus remembers isn't shown twice
    assert len(late._histories["epochs"]) == 6


def test_another_run_beside_it_is_not_mixed_in(lab: Events) -> None:
    panel = panels.open(lab, "training")
    lab.events.publish(RunChanged("a-1", "running"))
    for event in training("b-1"):
        lab.events.publish(event)
    assert panel.is_live and panel._picture().title == "Run a-1, running"


def test_the_load_from_before_the_run_is_left_out(lab: Events) -> None:
    panel = panels.open(lab, "training")
    lab.events.publish(WorkerLoad("w0", 1.0, 1, 0))
    lab.events.publish(RunChanged("a-1", "running"))
    lab.events.publish(WorkerLoad("w0", 2.0, 1, 0))
    assert [row[1] for row in panel._histories["load w0"].rows()] == [2.0]


def test_several_metrics_have_names_in_the_legend(lab: Events) -> None:
    lab.events.publish(RunProgress("a-1", 1, 1, 1, 1, 0.5, {"mae": 0.1, "mse": 0.2}, {"w0": 1.0}, None))
    picture = panels.open(lab, "training")._picture()
    assert [line.name for line in picture.legend] == ["mae", "mse", "w0"]
    assert len({line.color for line in picture.plots[1].lines}) == 2


def test_the_learning_rate_is_drawn_where_it_changes(lab: Events) -> None:
    panel = panels.open(lab, "training")
    for rate in (0.01, 0.01, 0.001):
        assert "Learning rate" not in [plot.title for plot in panel._picture().plots]
        lab.events.publish(RunProgress("a-1", 1, 1, 1, 1, 0.5, {}, {}, None, learning_rate=rate))
    assert panel._picture().plots[-1].title == "Learning rate 0.001"


def test_devices_and_memory_of_the_run(lab: Events) -> None:
    panel = panels.open(lab, "training")
    lab.events.publish(RunProgress("a-1", 1, 1, 1, 1, 0.5, {}, {"w0": 1.0}, None, memory={"w0": 2 * 10**9}))
    for event in loads(1, 2, num_gpus=1):
        lab.events.publish(event)
    assert [plot.title for plot in panel._picture().plots][2:] == [
        "Throughput, examples/s",
        "CPU, % of a core",
        "GPU, %",
        "Memory of the training processes, GB",
    ]
    assert panel._histories["memory w0"].rows()[0][1] == 2.0


def test_many_epochs_are_not_marked(lab: Events) -> None:
    for event in training(epochs=101, steps=1, end=""):
        lab.events.publish(event)
    assert panels.open(lab, "training")._picture().marks == ""


def test_a_single_epoch_is_seen(lab: Events) -> None:
    for event in training(epochs=1):
        lab.events.publish(event)
    assert panels.open(lab, "training").svg().count("<circle") == 2


def test_the_table_has_the_last_values(lab: Events) -> None:
    for event in training():
        lab.events.publish(event)
    rows = dict(panels.open(lab, "training").table().rows)
    assert list(rows) == ["loss", "accuracy", "val_loss", "val_accuracy", "w0, examples/s", "w1, examples/s"]
    assert rows["w1, examples/s"] == "2,100" and rows["val_accuracy"] == "0.8000"
