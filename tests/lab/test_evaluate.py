"""`lab.evaluate`: of models and of files, alone and against one another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lepton_lab import commands
from lepton_lab.errors import InputError, LeptonError, UnknownNameError
from lepton_lab.events import Event, Progress
from lepton_lab.lab import Lab
from lepton_lab.types import Evaluation


@pytest.fixture(scope="module")
def tflite(lab: Lab, trained: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained model, exported."""
    return lab.export(trained, "tflite", to=tmp_path_factory.mktemp("exports") / "small.tflite").path


def left(lab: Lab) -> set[str]:
    """What lies among the predictions."""
    folder = lab.workspace.path("predictions")
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def test_metrics_of_a_model(lab: Lab, trained: str) -> None:
    found = lab.evaluate(trained)
    answers = lab.predict(trained)
    targets = np.load(lab.data.get("digits").folder / "test" / "y.npy")
    assert answers.classes is not None
    assert found.metrics["accuracy"] == pytest.approx((answers.classes == targets).mean())
    matrix = found.breakdowns[0].confusion_matrix
    assert matrix.sum() == found.rows and np.trace(matrix) / found.rows == pytest.approx(found.metrics["accuracy"])
    assert found.comparison is None


def test_an_exported_file_by_its_path(lab: Lab, trained: str, tflite: Path) -> None:
    before, events = left(lab), list[Event]()
    unsubscribe = lab.events.subscribe(events.append, Progress)
    try:
        found = lab.evaluate(str(tflite), data="digits")
    finally:
        unsubscribe()
    own = lab.evaluate(trained)
    assert found.model == str(tflite) and found.metrics == pytest.approx(own.metrics, abs=1e-3)
    assert found.metrics["accuracy"] == own.metrics["accuracy"]
    assert events and left(lab) == before and str(tflite) not in lab.names("model")


def test_a_path_from_the_current_folder(lab: Lab, tflite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tflite.parent)
    assert lab.evaluate("small.tflite", data="digits").model == "small.tflite"


def test_a_models_name_goes_before_a_file(
    lab: Lab, trained: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / trained).write_text("no model")
    monkeypatch.chdir(tmp_path)
    assert lab.evaluate(trained).metrics["accuracy"] > 0.9


def test_a_line_with_a_file_to_compare_with(lab: Lab, trained: str, tflite: Path) -> None:
    verb, arguments = commands.read(f"%lepton evaluate {trained} --against {tflite}")
    found = commands.run(lab, verb, arguments)
    assert isinstance(found, Evaluation) and found.comparison is not None
    assert (found.model, found.comparison.other) == (trained, str(tflite))
    # A faithful export differs by rounding alone.
    assert all(abs(difference.difference) < 1e-3 for difference in found.comparison.differences)
    assert found.comparison.verdicts[0].difference.better is None
    assert "can't tell which is better" in str(found)


def test_a_model_that_knows_nothing_is_worse(lab: Lab, trained: str) -> None:
    lab.model.new("fresh", kind="mlp", data="digits", hidden_size=4)
    try:
        found = lab.evaluate(trained, against="fresh")
    finally:
        lab.model.drop("fresh")
    assert found.comparison is not None and found.comparison.verdicts[0].difference.better == trained
    assert {difference.better for difference in found.comparison.differences} == {trained}
    assert replace(found, comparison=None) == lab.evaluate(trained)


def test_bad_input_is_refused(lab: Lab, trained: str, tflite: Path, tmp_path: Path) -> None:
    before = left(lab)
    garbage = tmp_path / "notes.txt"
    garbage.write_text("no model")
    lab.data.load((np.zeros((40, 3), "float32"), np.arange(40) % 2), name="columns")
    cases: list[tuple[type[LeptonError], str, dict[str, str], str]] = [
        (UnknownNameError, "smoll", {}, "no model or file 'smoll'. Did you mean 'small'"),
        (UnknownNameError, trained, {"against": "smoll"}, "no model or file 'smoll'"),
        (InputError, str(tflite), {}, "has seen no data set yet: name one with --data"),
        (InputError, str(garbage), {"data": "digits"}, "notes.txt can't be run: give a .keras, .tflite or .onnx file"),
        (InputError, str(tflite), {"data": "columns"}, "can't be run on the rows of 'columns' of shape (3,)"),
        (InputError, trained, {"data": "digits", "against": str(garbage)}, "notes.txt can't be run: give"),
        (UnknownNameError, str(tflite), {"data": "digits", "split": "held"}, "no split 'held'"),
        (UnknownNameError, trained, {"split": "held", "against": trained}, "no split 'held'"),
    ]
    for kind, model, options, words in cases:
        with pytest.raises(kind) as caught:
            lab.evaluate(model, **options)  # type: ignore[arg-type]
        assert words in str(caught.value) and "\n" not in str(caught.value)
    lab.data.drop("columns")
    assert left(lab) == before


def test_a_notebooks_model_that_takes_the_labs_weights_is_still_the_labs(lab: Lab) -> None:
    import tf_keras

    x, y = (np.load(lab.data.get("digits").folder / "test" / f"{name}.npy") for name in "xy")
    net = tf_keras.Sequential(
        [tf_keras.Input((8, 8, 1)), tf_keras.layers.Flatten(), tf_keras.layers.Dense(10)], name="own"
    )
    net.compile("adam", tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    lab.train(net, "digits", epochs=1, strategy="single")
    first, trained = lab.evaluate(net).metrics, lab.model.show("own")
    net.set_weights(lab.model.weights("own"))
    assert lab.evaluate(net).metrics == first and lab.model.show("own") == trained
    net.fit(x, y, verbose=0)  # and learns by itself
    told: list[Event] = []
    unsubscribe = lab.events.subscribe(told.append, Progress)
    found = lab.evaluate(net).metrics
    unsubscribe()
    assert found["accuracy"] == pytest.approx((net.predict(x, verbose=0).argmax(axis=1) == y).mean())
    model = lab.model.show("own")
    assert (model.dataset, model.classes, model.stage) == ("digits", trained.classes, "new")
    said = [event.message for event in told if isinstance(event, Progress)]
    assert any(f"since it has changed; what it was stays as own@{trained.version}" in message for message in said)
    other = tf_keras.Sequential([net.layers[0], tf_keras.layers.Dense(10, "softmax")], name="own")
    other.build((None, 8, 8, 1))
    with pytest.raises(InputError, match="'own' has seen no data set yet"):
        lab.evaluate(other)
