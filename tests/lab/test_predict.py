"""`lab.predict` and `lab.evaluate`, with a cluster and without one."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from lepton_lab import forkserver
from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.events import Event, Progress
from lepton_lab.files import replacing_folder
from lepton_lab.lab import Lab

ROWS = 300_000
"""Enough for the workers to be asked, and for a second or so."""


def rows_of(lab: Lab, count: int = ROWS) -> np.ndarray:
    x = np.load(lab.data.get("digits").folder / "train" / "x.npy")
    return np.tile(x, (count // len(x) + 1, 1, 1, 1))[:count]


def left(lab: Lab) -> set[str]:
    """What lies among the predictions, hidden files too; the lock aside."""
    folder = lab.workspace.path("predictions")
    return {path.name for path in folder.iterdir()} - {".lock"} if folder.is_dir() else set()


def without_cluster(lab: Lab) -> Lab:
    """Another lab on the same workspace."""
    return Lab(lab.workspace.folder)


@contextmanager
def many_rows(lab: Lab) -> Iterator[str]:
    """A data set whose test split has many rows, for as long as the block runs."""
    x, y = rows_of(lab), np.load(lab.data.get("digits").folder / "train" / "y.npy")
    y = np.tile(y, ROWS // len(y) + 1)[:ROWS]
    lab.data.load({"x_train": x[:100], "y_train": y[:100], "x_test": x, "y_test": y}, name="many")
    yield "many"
    lab.data.drop("many")


def test_a_split_with_its_labels(lab: Lab, trained: str) -> None:
    found = lab.predict(trained)
    assert (found.source, found.rows, found.workers) == ("digits/test", lab.data.get("digits").splits["test"], ())
    assert found.answers.shape == (found.rows, 10) and found.answers.sum(axis=1) == pytest.approx(1, abs=1e-4)
    labels = np.load(lab.data.get("digits").folder / "test" / "y.npy")
    assert found.classes is not None and found.names is not None
    assert (found.classes == labels).mean() == pytest.approx(lab.evaluate(trained).metrics["accuracy"])
    assert found.names[0] == lab.data.get("digits").target.classes[found.classes[0]]
    assert [row[3] for row in found.preview] == [str(label) for label in labels[:10]]
    assert "label" in str(found) and found.path.name in str(found)


def test_numbered_one_after_the_other(lab: Lab, trained: str) -> None:
    paths = [lab.predict(trained).path for _ in range(2)]
    first, second = (int(path.stem.removeprefix(f"{trained}-")) for path in paths)
    assert second == first + 1 and all(path.parent == lab.workspace.path("predictions") for path in paths)


def test_many_rows_go_to_all_workers_and_are_answered_as_here(lab: Lab, trained: str, tmp_path: Path) -> None:
    rows = rows_of(lab)
    there = lab.predict(trained, rows=rows, to=tmp_path / "there.npy")
    here = without_cluster(lab).predict(trained, rows=rows, to=tmp_path / "here.npy")
    assert (there.workers, here.workers) == (("w0", "w1"), ())
    assert there.answers.tobytes() == here.answers.tobytes()
    assert there.path == tmp_path / "there.npy" and there.rows == ROWS
    assert "300,000 rows in" in str(there) and "on w0, w1" in str(there) and "label" not in str(there)
    assert {path.name for path in tmp_path.iterdir()} == {"there.npy", "here.npy"}


def test_evaluate_is_the_same_with_a_cluster_and_without(lab: Lab, trained: str) -> None:
    with many_rows(lab) as name:
        assert lab.predict(trained, data=name).workers == ("w0", "w1")
        there = lab.evaluate(trained, data=name)
        here = without_cluster(lab).evaluate(trained, data=name)
    assert there == here and there.rows == ROWS and there.metrics["accuracy"] > 0.9
    assert not [name for name in left(lab) if name.startswith(".")]


def test_numbers_instead_of_classes(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        x = np.linspace(0, 1, 40, dtype=np.float32)[:, None]
        lab.data.load((x, x[:, 0] * 2), name="line")
        lab.model.new("mlp", kind="mlp", data="line", hidden_size=4)
        found = lab.predict("mlp")
        assert found.classes is None and found.answers.shape == (8, 1)
        assert "row  answer" in str(found) and "label" in str(found)
        assert lab.predict("mlp", rows=[[0.5], [1]]).rows == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": np.zeros((3, 9, 9, 1))}, r"--rows has shape \(3, 9, 9, 1\), but 'small' takes \(n, 8, 8, 1\)"),
        ({"rows": np.zeros((0, 8, 8, 1))}, "with n at least 1"),
        ({"rows": np.zeros((8, 8, 1))}, r"shape of a single row, \(8, 8, 1\): give rows\[None\]"),
        ({"rows": np.full((2, 8, 8, 1), "a")}, "expected numbers"),
        ({"rows": [[1], [2, 3]]}, "rows that are all of one shape"),
        ({"rows": "nosuch"}, "no variable of the notebook is called so"),
        ({"rows": np.zeros((3, 8, 8, 1)), "data": "digits"}, "either rows of your own, or a data set's"),
        ({"to": "/nowhere/at/all.npy"}, "There is no folder /nowhere/at: make it"),
        ({"to": "answers.csv"}, r"'answers\.csv', expected a file whose name ends in \.npy"),
        ({"split": "held"}, "no split 'held'"),
        ({"data": "digitz"}, "Did you mean 'digits'"),
    ],
)
def test_bad_input_is_refused_before_any_work(
    lab: Lab, trained: str, arguments: dict[str, object], message: str
) -> None:
    before = left(lab)
    with pytest.raises(InputError, match=message) as caught:
        lab.predict(trained, **arguments)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value) and left(lab) == before


def test_a_model_that_leaves_sizes_open_takes_those_of_the_rows(lab: Lab) -> None:
    import keras

    net = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(1, 3)], name="of_any_size")
    x = np.random.default_rng(0).normal(size=(4, 9, 7, 3)).astype("float32")
    for rows in (x, x[:, :6]):
        assert np.abs(lab.predict(net, rows=rows).answers - net.predict(rows, verbose=0)).max() < 1e-6
    lab.model.drop("of_any_size")


def test_unknown_model(lab: Lab) -> None:
    with pytest.raises(UnknownNameError, match="no model 'smoll'"):
        lab.predict("smoll")


def test_a_damaged_model_leaves_nothing(lab: Lab, trained: str, tmp_path: Path) -> None:
    lab.model.new("damaged", kind="mlp", data="digits", hidden_size=200)
    file = lab.model.show("damaged").file
    file.write_bytes(file.read_bytes()[:2000])
    for rows in (rows_of(lab, 10), rows_of(lab)):
        with pytest.raises(InputError, match=r"damaged/model\.keras can't be loaded"):
            lab.predict("damaged", rows=rows, to=tmp_path / "a.npy")
    lab.model.drop("damaged")
    assert not any(tmp_path.iterdir()) and not [name for name in left(lab) if name.startswith(".")]


@pytest.mark.parametrize("with_cluster", [True, False])
def test_an_interrupt_leaves_no_file_and_no_process(lab: Lab, trained: str, tmp_path: Path, with_cluster: bool) -> None:
    mine = lab if with_cluster else without_cluster(lab)
    rows, before, timers, others = rows_of(lab, 2 * ROWS), left(lab), [], forkserver.children()

    def interrupt(event: Event) -> None:
        if isinstance(event, Progress) and event.fraction and not timers:
            timers.append(threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)))
            timers[0].start()

    unsubscribe = mine.events.subscribe(interrupt, Progress)
    try:
        with pytest.raises(KeyboardInterrupt):
            mine.predict(trained, rows=rows, to=tmp_path / "a.npy")
    finally:
        unsubscribe()
    assert left(lab) == before and not any(tmp_path.iterdir())
    assert set(lab.cluster.handle.client.run(forkserver.children).values()) == {()} and forkserver.children() == others
    assert lab.predict(trained, rows=rows[:ROWS], to=tmp_path / "a.npy").workers == ("w0", "w1")


def test_a_worker_that_is_killed_in_the_middle(lab: Lab, trained: str, tmp_path: Path) -> None:
    with Lab(tmp_path) as mine:
        with mine.workspace.replacing_model("small") as save:
            model = lab.model.show(trained)
            (save.folder / "model.keras").write_bytes(model.file.read_bytes())
            save(model)
        mine.cluster.up(workers=2, threads=1, memory="1GB")
        client, killed = mine.cluster.handle.client, []
        pids = list(client.run(os.getpid).values())

        def kill(event: Event) -> None:
            if isinstance(event, Progress) and event.fraction and not killed:
                killed.append(pids[0])
                os.kill(pids[0], signal.SIGKILL)

        mine.events.subscribe(kill, Progress)
        rows = rows_of(lab)
        there = mine.predict("small", rows=rows)
        assert killed and there.workers
        here = lab.predict(trained, rows=rows)
        assert there.answers.tobytes() == here.answers.tobytes()


def test_a_background_run_does_not_keep_answers_waiting(lab: Lab, trained: str) -> None:
    lab.model.new("busy", kind="mlp", data="digits")
    run = lab.train("busy", "digits", epochs=100_000, strategy="multiworker", background=True)
    deadline = time.monotonic() + 30
    while lab.run.show(run.id).state != "running" and time.monotonic() < deadline:
        time.sleep(0.05)
    try:
        assert lab.predict(trained, rows=rows_of(lab)).workers == ("w0", "w1")
        assert lab.run.show(run.id).state == "running"
    finally:
        lab.run.stop(run.id)


def test_a_model_replaced_meanwhile_is_noticed(lab: Lab, trained: str) -> None:
    # A worker that loads the model later would answer by another one.
    lab.model.new("moving", kind="mlp", data="digits", hidden_size=64)
    model = lab.model.show("moving")
    content = {path.name: path.read_bytes() for path in model.folder.iterdir()}

    def replace(event: Event) -> None:
        if isinstance(event, Progress) and event.fraction == 0:
            with replacing_folder(model.folder) as aside:
                for name, data in content.items():
                    (aside / name).write_bytes(data)

    unsubscribe = lab.events.subscribe(replace, Progress)
    try:
        with pytest.raises(InputError, match="was replaced while 'moving' answered: predict once more"):
            lab.predict("moving", rows=rows_of(lab, 100))
    finally:
        unsubscribe()
        lab.model.drop("moving")
