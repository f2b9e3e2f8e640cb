from pathlib import Path

import numpy as np
import pytest

from lepton_lab.runtime import Ending, answers_of, are_logits, logits_among, look_probable, score
from lepton_lab.types import Dataset, Model, Target, as_probabilities, records

CLASSES, NUMBERS = Target("classes", classes=("a", "b")), Target("numbers")


def model(**answers: str) -> Model:
    named = {"" if name == "one" else name: what for name, what in answers.items()}
    return Model("m", Path(), "added", "new", "keras", (2,), (2,), 1, answers=named)


def test_what_an_ending_gives() -> None:
    endings = {
        "a": Ending("x", "softmax"),
        "b": Ending("y", "linear"),
        "c": Ending("z", None),
        "d": Ending("w", "relu"),
    }
    assert answers_of(endings) == {"a": "probabilities", "b": "numbers", "d": "numbers"}


def test_numbers_stand_for_logits_where_there_are_classes() -> None:
    answers = np.array([[0.2, 0.8]])
    assert are_logits(model(one="numbers"), CLASSES, answers) and not are_logits(model(one="numbers"), NUMBERS, answers)
    assert are_logits(model(one="logits"), CLASSES, answers)
    assert not are_logits(model(one="probabilities"), CLASSES, answers + 9)


def test_where_nobody_knows_the_answers_tell() -> None:
    assert are_logits(model(), CLASSES, np.array([[0.2, 1.2]])) and are_logits(model(), CLASSES, np.array([[-0.1, 0]]))
    assert not are_logits(model(), CLASSES, np.array([[0.0, 1.0004]]))
    assert look_probable(np.zeros((0, 2)))


def test_of_several_targets() -> None:
    dataset = Dataset("d", Path(), "", {}, (2,), "float32", CLASSES, targets={"kind": CLASSES, "price": NUMBERS})
    answers = records({"kind": np.array([[3.0, 4.0]]), "price": np.array([[7.0]])})
    assert logits_among(model(price="numbers"), dataset, answers) == {"kind"}


@pytest.mark.parametrize(("kind", "width"), [("classes", 4), ("classes", 1), ("labels", 3)])
def test_a_logits_score_is_kerass_own(kind: str, width: int) -> None:
    import tf_keras

    random = np.random.default_rng(0)
    logits = random.normal(0, 4, (50, width)).astype("float32")
    truth = random.integers(0, max(2, width), 50) if kind == "classes" else random.integers(0, 2, (50, width))
    is_sparse = kind == "classes" and width > 1
    family = tf_keras.losses.SparseCategoricalCrossentropy if is_sparse else tf_keras.losses.BinaryCrossentropy
    found = score(logits, truth.astype("uint8" if kind == "labels" else "int64"), kind, ("",))
    assert found["loss"] == pytest.approx(float(family(from_logits=True)(truth.reshape(50, -1), logits)), rel=1e-5)
    shares = as_probabilities(logits, kind)
    plain = score(shares, truth, kind)
    assert {**plain, "loss": 0} == {**found, "loss": 0} and plain["loss"] == pytest.approx(found["loss"], rel=1e-4)


def test_a_certain_but_wrong_logit_costs_what_it_says() -> None:
    assert score(np.array([[200.0, -200.0]]), np.array([1]), "classes", ("",))["loss"] == pytest.approx(400)
    assert score(np.array([[-200.0]]), np.array([1]), "classes", ("",))["loss"] == pytest.approx(200)
    assert np.isfinite(as_probabilities(np.array([[1e9, -1e9]]), "classes")).all()
