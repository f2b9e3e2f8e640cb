"""Answers by two real workers: the same as by one process, and failures that end with a word."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lepton_lab import forkserver
from lepton_lab.errors import InputError, LeptonError, UserCodeError
from lepton_lab.evaluate import Work, answer_here, answer_on, begin
from lepton_lab.events import Event, Progress
from lepton_lab.lab import Lab
from lepton_lab.runtime import open_rows, predict
from lepton_lab.types import Dataset, Model
from tests.models_fixture import copy_of, truncate


def begin_on(model: Model, dataset: Dataset, folder: Path, name: str, batch_size: int = 16) -> Work:
    rows, _ = open_rows(dataset, "train")
    file = dataset.folder / "train" / "x.npy"
    return begin(model, file, len(rows), folder / f"{name}.npy", batch_size)


def children_of_workers(lab: Lab) -> list[int]:
    found = lab.cluster.handle.client.run(forkserver.children)
    return [pid for pids in found.values() for pid in pids]


@pytest.mark.parametrize("which", ["cnn", "int8_cnn"])
def test_workers_answer_as_one_process_does(
    lab: Lab, which: str, digits: Dataset, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    model: Model = request.getfixturevalue(which)
    heard: list[Event] = []
    here, there = (begin_on(model, digits, tmp_path, name) for name in ("here", "there"))
    assert answer_here(here) == ()
    assert answer_on(lab.cluster.handle.client, 2, there, heard.append) == ("w0", "w1")
    one, two = np.load(here.answers_file), np.load(there.answers_file)
    assert one.tobytes() == two.tobytes()
    rows, _ = open_rows(digits, "train")
    np.testing.assert_allclose(one, predict(model.file, rows), atol=1e-5)
    shares = [event.fraction for event in heard if isinstance(event, Progress)]
    assert shares[0] == 0 and shares[-1] == 1 and shares == sorted(shares)  # type: ignore[type-var]
    assert children_of_workers(lab) == []


def test_one_child_a_worker_for_all_pieces(lab: Lab, cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    seen: set[int] = set()
    work = begin_on(cnn, digits, tmp_path, "a")
    answer_on(lab.cluster.handle.client, 2, work, lambda event: seen.update(children_of_workers(lab)))
    assert len(work.pieces(2)) >= 10 and len(seen) == 2


@pytest.mark.parametrize("is_parallel", [False, True])
class TestFailures:
    def answer(self, lab: Lab, work: Work, is_parallel: bool) -> None:
        if is_parallel:
            answer_on(lab.cluster.handle.client, 2, work)
        else:
            answer_here(work)

    def test_a_truncated_model(self, lab: Lab, cnn: Model, digits: Dataset, tmp_path: Path, is_parallel: bool) -> None:
        model = copy_of(cnn, tmp_path / "cnn")
        truncate(model.file)
        with pytest.raises(InputError, match="can't be loaded as a Keras model") as caught:
            self.answer(lab, begin_on(model, digits, tmp_path, "a"), is_parallel)
        assert "\n" not in str(caught.value)
        assert children_of_workers(lab) == [] and not forkserver.children()

    def test_a_model_that_answers_otherwise_than_its_record(
        self, lab: Lab, cnn: Model, digits: Dataset, tmp_path: Path, is_parallel: bool
    ) -> None:
        with pytest.raises(InputError, match=r"answers with shape \(10,\), expected \(1,\)"):
            self.answer(lab, begin_on(replace(cnn, output_shape=(1,)), digits, tmp_path, "a"), is_parallel)

    def test_rows_that_are_cut_short(self, lab: Lab, cnn: Model, tmp_path: Path, is_parallel: bool) -> None:
        file = tmp_path / "rows.npy"
        np.save(file, np.zeros((100, 8, 8, 1), np.uint8))
        truncate(file)
        with pytest.raises(LeptonError, match=r"Rows in .*rows\.npy can't be read"):
            self.answer(lab, begin(cnn, file, 100, tmp_path / "a.npy", 8), is_parallel)

    def test_an_error_of_the_model(self, lab: Lab, cnn: Model, tmp_path: Path, is_parallel: bool) -> None:
        file = tmp_path / "rows.npy"
        np.save(file, np.zeros((100, 5, 5, 2), np.uint8))  # the model takes 8, 8, 1
        with pytest.raises(UserCodeError, match=r"The model 'cnn' raised \w+Error: .*") as caught:
            self.answer(lab, begin(cnn, file, 100, tmp_path / "a.npy", 8), is_parallel)
        assert "\n" not in str(caught.value) and "Traceback" in caught.value.user_traceback


def start_slowly(seconds: float) -> None:
    """Run in a worker: its children are slow to start from now on; 0 is as before."""
    from lepton_lab.evaluate import _predictor, _worker

    class Slow(_predictor.Predictor):
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **kwargs)  # type: ignore[arg-type]
            time.sleep(seconds)

    _worker.Predictor = Slow if seconds else _predictor.Predictor  # type: ignore[attr-defined]


def test_a_child_that_starts_while_all_is_ended(lab: Lab, cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    model, client = copy_of(cnn, tmp_path / "cnn"), lab.cluster.handle.client
    truncate(model.file)
    slow = list(client.scheduler_info()["workers"])[-1:]
    client.run(start_slowly, 0.8, workers=slow)
    try:
        with pytest.raises(InputError, match="can't be loaded as a Keras model"):
            answer_on(client, 2, begin_on(model, digits, tmp_path, "a"))
        assert children_of_workers(lab) == []
    finally:
        client.run(start_slowly, 0.0, workers=slow)


def test_a_child_that_is_killed_is_replaced(lab: Lab, cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    import os
    import signal

    killed: list[int] = []

    def kill_one(event: Event) -> None:
        if isinstance(event, Progress) and event.fraction and not killed:
            killed.extend(children_of_workers(lab)[:1])
            os.kill(killed[0], signal.SIGKILL)

    here, there = (begin_on(cnn, digits, tmp_path, name, 4) for name in ("here", "there"))
    answer_on(lab.cluster.handle.client, 2, there, kill_one)
    answer_here(here)
    assert killed and np.load(here.answers_file).tobytes() == np.load(there.answers_file).tobytes()


def test_beside_another_lab_with_a_cluster(lab: Lab, cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    done, in_time = threading.Event(), []
    with Lab(tmp_path / "other") as other:
        other.cluster.up(workers=1, threads=1)  # Dask's default client from now on, whose loop is held up
        other.cluster.handle.client.loop.add_callback(lambda: in_time.append(done.wait(20)))
        names = answer_on(lab.cluster.handle.client, 2, begin_on(cnn, digits, tmp_path, "a"))
        done.set()
    assert names == ("w0", "w1") and in_time == [True]
