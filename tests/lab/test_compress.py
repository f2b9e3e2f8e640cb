"""Techniques that train, through the whole engine, and what is tried in parallel: on the cluster of all tests."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest

from lepton_lab.errors import ConversionError, InputError, Interrupted, StoppedError
from lepton_lab.events import Event, RunProgress
from lepton_lab.lab import Lab, _search
from lepton_lab.runtime import Graph
from lepton_lab.types import CompressedModel, Front, Preflight, Trial


@pytest.fixture(scope="module")
def pruned(lab: Lab, trained: str) -> CompressedModel:
    found = lab.compress(trained, "prune", epochs=2, batch_size=32)
    assert isinstance(found, CompressedModel)
    return found


def test_a_chain_remembers_where_it_came_from(lab: Lab, trained: str, pruned: CompressedModel) -> None:
    clustered = lab.compress("small-pruned", "cluster", epochs=2, batch_size=32)
    made = lab.compress("small-pruned-clustered", "qat", epochs=2, batch_size=32)
    assert isinstance(clustered, CompressedModel) and isinstance(made, CompressedModel)
    model = lab.model.show("small-pruned-clustered-qat")
    assert (model.stage, model.format, model.parent) == ("qat", "tflite", "small-pruned-clustered")
    words = [line.split()[1:4] for line in model.earlier]
    assert [(verb, technique) for verb, _, technique in words[1:]] == [("compress", "prune"), ("compress", "cluster")]
    assert words[0][:2] == ["train", "small"]
    assert model.made_by.startswith("%lepton compress small-pruned-clustered qat")
    dense = next(o for o in Graph(model.file.read_bytes()).operations if o.kind == "FULLY_CONNECTED")
    stored = dense.inputs[1].stored()
    assert (stored == 0).mean() > 0.79 and len(np.unique(stored)) <= 16
    assert made.after.gzip_bytes < clustered.after.gzip_bytes < pruned.after.gzip_bytes < pruned.before.gzip_bytes
    assert made.after.accuracy is not None and made.after.accuracy > 0.9
    assert model.metrics["test_accuracy"] == pytest.approx(made.after.accuracy)


def test_the_learning_rate_is_the_techniques_own_unless_given(lab: Lab, trained: str) -> None:
    told: list[RunProgress] = []
    unsubscribe = lab.events.subscribe(told.append, RunProgress)
    for technique, given in (("qat", None), ("prune", 1e-3)):
        lab.compress(trained, technique, epochs=1, learning_rate=given, name="rated")
    unsubscribe()
    with pytest.raises(InputError, match="learning-rate is 0"):
        lab.compress(trained, "qat", epochs=1, learning_rate=0.0, name="rated")
    rates = [event.learning_rate for event in told]
    assert rates[0] == pytest.approx(1e-4) and rates[-1] == pytest.approx(1e-3)


def test_a_narrower_model_learns_from_it(lab: Lab, trained: str) -> None:
    found = lab.compress(trained, "distill", epochs=20, batch_size=32)
    assert isinstance(found, CompressedModel) and found.after.accuracy is not None
    assert found.model.num_parameters < lab.model.show(trained).num_parameters / 2 and found.after.accuracy > 0.85
    assert lab.model.show("small-distilled").parent == trained
    assert not [path for path in lab.workspace.path("models").iterdir() if path.name.startswith(".")]


def test_a_named_student(lab: Lab, trained: str) -> None:
    lab.model.new("pupil", kind="mlp", data="digits", hidden_size=16)
    found = lab.compress(trained, "distill", student="pupil", epochs=2, name="taught")
    assert isinstance(found, CompressedModel)
    assert (found.model.kind, found.model.parent) == ("mlp", trained)
    assert lab.model.show("pupil").stage == "new"


def test_a_dry_run_makes_nothing(lab: Lab, trained: str) -> None:
    before = (lab.model.names(), lab.run.names())
    told = lab.compress(trained, "qat", name="never", dry_run=True)
    assert isinstance(told, Preflight) and dict(told.layers)["dense"] == "int8 weights and activations"
    assert (lab.model.names(), lab.run.names()) == before


def test_what_can_not_be_is_said_before_any_run(lab: Lab, trained: str) -> None:
    runs = lab.run.names()
    lab.model.new("untrained", kind="cnn", data="digits")
    for technique in ("prune", "cluster", "qat", "distill", "quantize", "search"):
        with pytest.raises(InputError, match="has not been trained: %lepton train untrained"):
            lab.compress("untrained", technique, data="digits")
    with pytest.raises(InputError, match="clusters=1000"):
        lab.compress(trained, "cluster", clusters=1000)
    with pytest.raises(InputError, match=r"sparsity=1\.0"):
        lab.compress(trained, "prune", sparsity=1.0)
    lab.compress(trained, "quantize", scheme="dynamic")
    with pytest.raises(ConversionError, match="quantised already"):
        lab.compress("small-dynamic", "qat")
    assert lab.run.names() == runs


def test_a_search_picks_by_a_budget_and_goes_on(lab: Lab, trained: str) -> None:
    found = lab.compress(trained, "search", recipes=3, epochs=1, batch_size=64, budget="size<60KB, accuracy>-5")
    assert isinstance(found, Front)
    assert [trial.model for trial in found.trials] == ["small-int8", "small-dynamic", "small-p80", "small-p80-dynamic"]
    assert found.pick and all(trial.measure is not None for trial in found.trials)
    picked = next(trial for trial in found.trials if trial.model == found.pick)
    assert (
        picked.measure is not None and picked.measure.raw_bytes < 60_000 and picked.measure.dataset == "digits-choice"
    )
    assert [(name, measure.dataset) for name, measure in found.reported] == [
        ("small", "digits"),
        (found.pick, "digits"),
    ]
    assert lab.data.get("digits-choice").cut_from == "digits" and "was trained on these rows too" in found.explanation

    runs = lab.run.names()
    again = lab.compress(trained, "search", recipes=3, epochs=1, batch_size=64, budget="gzip<10B")
    assert isinstance(again, Front) and lab.run.names() == runs  # nothing is trained a second time
    assert again.pick == "" and "is not reachable; nearest is" in again.explanation
    assert [trial.line for trial in again.trials] == [trial.line for trial in found.trials]

    lab.data.split("digits", name="digits-choice", seed=5)  # other rows by the same name: what was made is out of date
    made = {name: lab.model.show(name).file.stat().st_mtime for name in ("small-int8", "small-dynamic")}
    lab.compress(trained, "search", recipes=2, epochs=1, batch_size=64)
    assert all(lab.model.show(name).file.stat().st_mtime > written for name, written in made.items())


def test_an_interrupted_search_names_what_it_has_made(lab: Lab, trained: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(lab: Lab, works: object, tell: Callable[[str, Trial], None]) -> None:
        tell("small-int8", Trial("small-int8", "line", "quantised"))
        tell("small-p80", Trial("small-p80", "", "", error="could not be made"))
        raise KeyboardInterrupt

    monkeypatch.setattr(_search, "on_workers", interrupted)
    with pytest.raises(Interrupted, match=r"has ended; 'small-int8' is there already, and the same line goes on"):
        lab.compress(trained, "search", recipes=3, epochs=1)


def test_rows_to_choose_by_never_take_the_place_of_others(lab: Lab, trained: str) -> None:
    other = lab.data.load("digits", name="other")
    lab.data.load("digits", name="other-choice")
    with pytest.raises(InputError, match="'other-choice', which is another data set: cut them by %lepton data split"):
        lab.compress(trained, "search", data=other.name)
    assert not lab.data.get("other-choice").cut_from
    for name in ("other", "other-choice"):
        lab.data.drop(name)


def test_a_compression_that_was_stopped_gives_no_older_result(lab: Lab, trained: str) -> None:
    lab.compress(trained, "prune", name="older", epochs=1)
    began: list[str] = []

    def stop(event: Event) -> None:
        if isinstance(event, RunProgress) and event.run.startswith("older-") and not began:
            began.append(event.run)
            threading.Thread(target=lab.run.stop, args=(event.run,)).start()

    unsubscribe = lab.events.subscribe(stop, RunProgress)
    try:
        with pytest.raises(StoppedError, match=r"The run older-\d+ was cancelled"):
            lab.compress(trained, "prune", name="older", epochs=1000)
    finally:
        unsubscribe()
    assert began
    lab.model.drop("older")


def test_a_search_with_a_budget_that_can_not_be_read(lab: Lab, trained: str) -> None:
    with pytest.raises(InputError, match="'weight<3'"):
        lab.compress(trained, "search", budget="weight<3")
    with pytest.raises(InputError, match="recipes=0"):
        lab.compress(trained, "search", recipes=0)


def test_folds_leave_nothing_behind(lab: Lab, trained: str) -> None:
    before = (lab.data.names(), lab.model.names(), lab.run.names())
    found = lab.evaluate(trained, folds=2)
    assert [round(sum(found.rows))] == [1438] and len(found.metrics) == 2  # type: ignore[union-attr]
    assert min(fold["accuracy"] for fold in found.metrics) > 0.8  # type: ignore[union-attr]
    assert (lab.data.names(), lab.model.names(), lab.run.names()) == before
    lab.data.load("digits", name="small-fold-1")
    with pytest.raises(InputError, match="named as 'small-fold-1', which is there already"):
        lab.evaluate(trained, folds=2)
    lab.data.drop("small-fold-1")


def test_folds_need_a_model_that_a_run_has_made(lab: Lab, pruned: CompressedModel) -> None:
    with pytest.raises(InputError, match="is pruned: cross-validate 'small'"):
        lab.evaluate("small-pruned", folds=2)
    with pytest.raises(InputError, match="--folds came with --against"):
        lab.evaluate("small", folds=2, against="small-pruned")
