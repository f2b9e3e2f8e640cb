from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lepton_lab.errors import InputError
from lepton_lab.runtime import LOGITS, NUMBERS, PROBABILITIES, Ending
from lepton_lab.train import _answering, describe
from lepton_lab.types import Arrangement, Target

TWO, THREE = Target("classes", classes=("a", "b")), Target("classes", classes=("a", "b", "c"))
TAGS, NUMBER = Target("labels", classes=("left", "right")), Target("numbers", "price")
SPARSE = "SparseCategoricalCrossentropy(from_logits=True)"
BINARY = "BinaryCrossentropy(from_logits=True)"


def split(dataset: Any, name: str) -> Any:
    return np.zeros((4, 2), "float32"), dataset.truth


class Answering:
    """A model of one input of two numbers, which answers what it was made with."""

    inputs = (SimpleNamespace(name="rows", dtype="float32"),)

    def __init__(self, answers: Any) -> None:
        self.answers = answers

    def __call__(self, rows: Any, training: bool) -> Any:
        return self.answers


def found(
    monkeypatch: pytest.MonkeyPatch,
    activation: str | None,
    target: Target,
    width: int,
    loss: str = "auto",
    truth: Any = (1.0, 2.0),
    answers: Any = None,
) -> tuple[str, list[str]]:
    monkeypatch.setattr(_answering, "read_endings", lambda file: {"": Ending("end", activation)})
    dataset = SimpleNamespace(truth=np.asarray(truth), arrangement=Arrangement())
    job: Any = SimpleNamespace(dataset=dataset, open_split="tests.train.test_answering:split", model_file=Path())
    part = loss if loss == "auto" else describe("loss", loss)
    kinds, notes = _answering.find_answers(job, Answering(answers), [("", target, width)], {"": part})
    return kinds[""], notes


@pytest.mark.parametrize(
    ("activation", "target", "width", "loss", "kind"),
    [
        ("softmax", THREE, 3, "auto", PROBABILITIES),
        ("sigmoid", TWO, 1, "auto", PROBABILITIES),
        ("sigmoid", TAGS, 2, "auto", PROBABILITIES),
        ("softmax", THREE, 3, "categorical_crossentropy", PROBABILITIES),
        ("linear", THREE, 3, "auto", LOGITS),
        ("linear", THREE, 3, SPARSE, LOGITS),
        ("linear", THREE, 3, "SparseCategoricalCrossentropy(True)", LOGITS),
        ("linear", TWO, 1, BINARY, LOGITS),
        ("log_softmax", THREE, 3, "auto", LOGITS),
        ("linear", TWO, 1, "mse", PROBABILITIES),
        ("tanh", TWO, 1, "hinge", LOGITS),
        ("linear", NUMBER, 1, "auto", NUMBERS),
        ("relu", NUMBER, 1, "auto", NUMBERS),
    ],
)
def test_what_answers_are(
    activation: str, target: Target, width: int, loss: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    came, notes = found(monkeypatch, activation, target, width, loss)
    assert came == kind
    if activation == "linear" and loss == "auto" and target.kind == "classes":
        assert notes == ["The last layer 'end' has no softmax: its answers are taken as logits."]


@pytest.mark.parametrize(
    ("activation", "target", "width", "loss", "says"),
    [
        ("softmax", THREE, 3, SPARSE, "'end' ends in softmax, but the loss Sparse.* takes logits"),
        ("sigmoid", TWO, 1, BINARY, "'end' ends in sigmoid, but the loss Binary.* takes logits"),
        ("linear", THREE, 3, "sparse_categorical_crossentropy", "'end' has no softmax, but the loss .* probabilities"),
        ("linear", TAGS, 2, "binary_crossentropy", "'end' has no sigmoid, but the loss .* takes probabilities"),
        ("linear", THREE, 3, "kl_divergence", "'end' has no softmax, but the loss kl_divergence takes probabilities"),
        ("sigmoid", TWO, 1, "sparse_categorical_crossentropy", "'end' gives one number a row.*binary_crossentropy"),
        ("softmax", TWO, 1, "auto", "'end' gives 1 whatever the row is"),
        ("softmax", TAGS, 2, "auto", "'end' ends in softmax, whose numbers sum to 1.*sigmoid"),
        ("relu", THREE, 3, "auto", "'end' ends in relu, which gives neither probabilities nor logits"),
        ("relu", THREE, 3, SPARSE, "'end' ends in relu, which gives neither"),
        ("relu", NUMBER, 1, "auto", "'end' ends in relu.* from 0 to inf, but the target 'price' goes from -1 to 2"),
        ("sigmoid", NUMBER, 1, "auto", "'end' ends in sigmoid.* from 0 to 1, but .* from -1 to 2: take no activation"),
        ("softmax", NUMBER, 1, "auto", "'end' ends in softmax, whose numbers sum to 1"),
    ],
)
def test_contradictions_are_refused_by_the_layers_name(
    activation: str, target: Target, width: int, loss: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=says):
        found(monkeypatch, activation, target, width, loss, truth=(-1.0, 2.0))


def test_one_class_is_nothing_to_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"^All rows have the class '1'.*--task regression"):
        found(monkeypatch, "softmax", Target("classes", classes=("1",)), 1)


def test_where_the_config_does_not_tell_the_answers_do(monkeypatch: pytest.MonkeyPatch) -> None:
    shares, others = np.full((4, 3), 1 / 3, "float32"), np.linspace(-3, 3, 12, dtype="float32").reshape(4, 3)
    assert found(monkeypatch, None, THREE, 3, answers=shares)[0] == PROBABILITIES
    kind, notes = found(monkeypatch, None, THREE, 3, answers=others)
    assert kind == LOGITS and "answers to 4 rows go from -3 to 3, so they are taken as logits" in notes[0]
    assert found(monkeypatch, None, THREE, 3, SPARSE, answers=others)[0] == LOGITS
    with pytest.raises(InputError, match="answers 4 rows with -3 to 3, but the loss"):
        found(monkeypatch, None, THREE, 3, "sparse_categorical_crossentropy", answers=others)
