"""Rows in another order than in training give the same answers: through every verb that takes a model and data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lepton_lab.errors import InputError
from lepton_lab.lab import Lab
from lepton_lab.lab._training import names_after
from lepton_lab.types import CompressedModel, Evaluation

OPTIONS: dict[str, Any] = {"epochs": 8, "batch_size": 16, "learning_rate": 0.01, "workers": 1, "strategy": "single"}


@pytest.fixture(scope="module")
def tables(lab: Lab) -> Iterator[pd.DataFrame]:
    """`abc`, the same rows as `cab` in another order of columns, and as `two` without one class; and a model of the
    first, trained."""
    random = np.random.default_rng(0)
    y = random.integers(0, 3, 600)
    names = np.asarray(["cat", "dog", "owl"])[y]
    kinds = np.asarray(["x", "y", "z"])[random.integers(0, 3, 600)]
    frame = pd.DataFrame({"a": 5.0 * y + random.normal(size=600), "b": random.normal(size=600), "kind": kinds})
    frame["label"] = names
    lab.data.load(frame, name="abc")
    lab.data.load(frame[["kind", "label", "b", "a"]], name="cab")
    lab.data.load(frame[(names != "cat") & (kinds != "y")][["b", "a", "kind", "label"]], name="two")
    lab.model.new("byname", kind="mlp", data="abc", hidden_size=16)
    lab.train("byname", "abc", **OPTIONS)
    yield frame
    for name in ("abc", "cab", "two"):
        lab.data.drop(name)


def test_the_record_has_the_names(lab: Lab, tables: pd.DataFrame) -> None:
    model = lab.model.show("byname")
    assert model.columns == ("a", "b", "kind=x", "kind=y", "kind=z")
    assert (model.classes, model.target) == (("cat", "dog", "owl"), "label")


def test_predict_and_evaluate(lab: Lab, tables: pd.DataFrame) -> None:
    right, there = lab.predict("byname"), lab.predict("byname", data="cab")
    assert np.array_equal(right.answers, there.answers) and there.names is not None
    assert "the columns of 'cab' were put in the order of byname" in str(there)
    mine, other = lab.evaluate("byname"), lab.evaluate("byname", data="cab")
    assert mine.metrics == other.metrics and mine.metrics["accuracy"] > 0.9
    assert isinstance(other, Evaluation) and "put in the order" in other.notes[0] and not mine.notes
    own = lab.predict("byname", rows=tables[["kind", "b", "a"]].head(3))
    assert own.answers == pytest.approx(lab.predict("byname", rows=tables.drop(columns="label").head(3)).answers)


def test_fewer_classes_and_values(lab: Lab, tables: pd.DataFrame) -> None:
    found = lab.evaluate("byname", data="two")
    assert isinstance(found, Evaluation) and found.metrics["accuracy"] > 0.9
    said = str(found)
    assert "no row of 'two' has the class 'cat'" in said and "no row of 'two' has 'kind=y': 0 throughout" in said
    shown = lab.predict("byname", data="two")
    assert shown.names is not None and {row[3] for row in shown.preview} <= {"dog", "owl"}


def test_compression_explanation_and_export(lab: Lab, tables: pd.DataFrame, tmp_path: Path) -> None:
    made = lab.compress("byname", "quantize", data="cab", name="byname-small")
    assert isinstance(made, CompressedModel) and made.after.accuracy is not None and made.after.accuracy > 0.9
    assert "put in the order of byname" in str(made) and made.model.columns == lab.model.show("byname").columns
    explained = lab.explain("byname", data="cab", method="permutation", rows=60)
    assert explained.features[0].name == "a" and "put in the order of byname" in str(explained)
    lab.export("byname", "tflite", to=tmp_path / "own.tflite")
    found = lab.evaluate(str(tmp_path / "own.tflite"), data="cab", against="byname")
    assert found.metrics["accuracy"] == lab.evaluate("byname").metrics["accuracy"]
    assert (
        isinstance(found, Evaluation) and found.comparison and found.comparison.verdicts[0].difference.difference == 0
    )


def test_training_on_them(lab: Lab, tables: pd.DataFrame) -> None:
    lab.model.new("second", kind="mlp", data="abc", hidden_size=16)
    run = lab.train("second", "cab", **OPTIONS)
    assert any("the columns of 'cab' were put in the order of second" in note for note in run.notes)
    answers = [lab.predict(name, data="abc").answers for name in ("byname", "second")]
    assert answers[0] == pytest.approx(answers[1], abs=1e-5)
    run = lab.train("second", "two", warm_start=True, **{**OPTIONS, "epochs": 1})
    assert run.metrics["test_accuracy"] > 0.9 and lab.model.show("second").classes == ("cat", "dog", "owl")


def test_other_names(lab: Lab, tables: pd.DataFrame) -> None:
    others = lab.data.load(tables.rename(columns={"a": "x"}).replace({"cat": "zcat"}), name="others")
    for call in (
        lambda: lab.predict("byname", data="others"),
        lambda: lab.evaluate("byname", data="others"),
        lambda: lab.evaluate("byname", data="others", folds=2),
        lambda: lab.compress("byname", "quantize", data="others"),
        lambda: lab.explain("byname", data="others"),
        lambda: lab.train("byname", "others", warm_start=True),
    ):
        with pytest.raises(InputError, match="'others' has the column 'x', which 'byname' doesn't know"):
            call()
    names, notes = names_after(lab.model.show("byname"), others, warm_start=False)
    assert names["columns"][0] == "x" and names["classes"] == ("dog", "owl", "zcat")
    assert "byname takes the names of columns and classes from 'others'" in notes[0]
    lab.data.drop("others")


def test_whole_numbers_to_a_model_compiled_for_numbers(lab: Lab) -> None:
    """Ratings from 1 to 20 are taken as classes when they are loaded; to a model with one answer they are numbers."""
    from tests.models_fixture import keras

    random = np.random.default_rng(0)
    x = random.normal(size=(1200, 4)).astype("float32")
    y = np.clip(np.round(10 + 3 * x[:, 0] - 2 * x[:, 1] + 0.3 * random.normal(size=1200)), 1, 20).astype(int)
    lab.data.load((x, y), name="ratings")
    layers = keras().layers
    net = keras().Sequential([keras().Input((4,)), layers.Dense(64, "relu"), layers.Dense(32, "relu"), layers.Dense(1)])
    net.compile(keras().optimizers.Adam(0.01), "mse", metrics=["mae"])
    lab.model.add(net, name="rater")
    run = lab.train("rater", "ratings", epochs=8)
    said = "the target of 'ratings', taken as 20 classes when it was loaded, is numbers to rater"
    assert any(said in note for note in run.notes)
    found = lab.evaluate("rater")
    assert isinstance(found, Evaluation) and found.metrics["r2"] > 0.8
    assert found.metrics["mae"] == pytest.approx(run.metrics["test_mae"], rel=1e-4)
    shown = lab.predict("rater", data="ratings")
    right = lab.data.get("ratings").folder / "test"
    stored = np.load(right / "x.npy")
    own = lab.predict("rater", rows=stored)
    assert np.abs(shown.answers - own.answers).max() < 1e-4 and shown.names is None and own.names is None
    match = {tuple(row): rating for row, rating in zip(x.tolist(), y, strict=True)}
    labels = [float(row[-1]) for row in shown.preview]
    assert labels == [match[tuple(row)] for row in stored[: len(labels)].tolist()]
    for technique in ("prune", "distill"):
        made = lab.compress("rater", technique, data="ratings", epochs=1, name=f"rater-{technique}")
        assert isinstance(made, CompressedModel) and made.before.metric == "mae"
    assert lab.explain("rater", method="permutation").features[0].name == "x0"
    lab.data.drop("ratings")


def test_a_data_set_loaded_anew_for_numbers_leaves_a_model_s_classes(lab: Lab) -> None:
    x = np.random.default_rng(1).normal(size=(200, 3)).astype("float32")
    lab.data.load((x, (x[:, 0] > 0).astype(int)), name="anew")
    lab.model.new("of-classes", kind="mlp", data="anew", hidden_size=4)
    lab.train("of-classes", "anew", **{**OPTIONS, "epochs": 1})
    lab.data.load((x, x[:, 0]), name="anew")
    assert {row[1] for row in lab.predict("of-classes", rows=x[:9]).preview} <= {"0", "1"}
    lab.data.drop("anew")
