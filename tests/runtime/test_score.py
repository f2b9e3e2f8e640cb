import numpy as np
import pytest

from lepton_lab.errors import InputError
from lepton_lab.runtime import score
from lepton_lab.types import records
from tests.models_fixture import keras


def test_classes_as_keras_counts_them() -> None:
    random = np.random.default_rng(0)
    answers = random.dirichlet(np.ones(5), 100).astype("float32")
    answers[0] = [0, 0, 0, 0, 1]
    targets = random.integers(0, 5, 100)
    targets[0] = 2
    losses = keras().losses.sparse_categorical_crossentropy(targets, answers)
    found = score(answers, targets, "classes")
    assert found["accuracy"] == np.mean(answers.argmax(1) == targets)
    assert found["loss"] == pytest.approx(float(np.mean(losses)), rel=1e-5)


def test_two_classes_by_one_sigmoid_as_keras_counts_them() -> None:
    random = np.random.default_rng(0)
    answers = random.random((100, 1)).astype("float32")
    answers[:3] = [[0.5], [0.0], [1.0]]
    targets = random.integers(0, 2, 100)
    targets[:3] = [0, 1, 0]
    found = score(answers, targets, "classes")
    right = keras().metrics.binary_accuracy(targets[:, None], answers)
    assert found["accuracy"] == pytest.approx(float(np.mean(right)))
    losses = keras().losses.binary_crossentropy(targets[:, None].astype("float32"), answers)
    assert found["loss"] == pytest.approx(float(np.mean(losses)), rel=1e-3)  # Keras clips in float32


def test_labels_as_keras_counts_them() -> None:
    random = np.random.default_rng(0)
    answers = random.uniform(0.01, 0.99, (100, 3)).astype("float32")
    targets = random.integers(0, 2, (100, 3)).astype("uint8")
    targets[:30] = answers[:30] > 0.5
    found = score(answers, targets, "labels")
    right = keras().metrics.binary_accuracy(targets, answers)
    assert found["binary_accuracy"] == pytest.approx(float(np.mean(right)))
    assert found["exact_match"] == np.mean([value == 1 for value in right])
    losses = keras().losses.binary_crossentropy(targets.astype("float32"), answers)
    assert found["loss"] == pytest.approx(float(np.mean(losses)), rel=1e-5)


def test_numbers() -> None:
    assert score(np.array([[1.0], [4.0]]), np.array([2.0, 2.0]), "numbers") == {"mae": 1.5, "mse": 2.5}


def test_several_numbers() -> None:
    found = score(np.array([[1.0, 0.0], [4.0, 0.0]]), np.array([[2.0, 0.0], [2.0, 1.0]]), "numbers")
    assert found == {"mae": 1.0, "mse": 1.5}


def test_several_targets() -> None:
    kind, price, tags = np.array([0, 1]), np.array([1.0, 2.0], "f4"), np.array([[1, 0], [1, 1]], "u1")
    answers = {"tags": np.array([[0.9, 0.9], [0.9, 0.9]]), "kind": np.eye(2), "price": np.array([[1.0], [4.0]])}
    found = score(records(answers), records({"kind": kind, "price": price, "tags": tags}), "classes")
    assert list(found) == [
        *("kind_accuracy", "kind_loss", "price_mae", "price_mse"),
        *("tags_binary_accuracy", "tags_exact_match", "tags_loss"),
    ]
    assert (found["kind_accuracy"], found["price_mae"], found["tags_exact_match"]) == (1.0, 1.0, 0.5)


@pytest.mark.parametrize(
    ("answers", "targets", "kind", "words"),
    [
        (np.zeros((4, 2)), np.array([0, 1, 2, 0]), "classes", "2 numbers a row, but the targets need at least 3"),
        (np.zeros((4, 1)), np.array([0, 1, 2, 0]), "classes", "1 numbers a row, but the targets need at least 3"),
        (np.zeros((4, 2)), np.zeros(4), "numbers", "2 numbers a row, but the targets need 1"),
        (np.zeros((4, 2)), np.zeros((4, 3), "u1"), "labels", "2 numbers a row, but the targets need 3"),
    ],
)
def test_another_number_of_answers(answers: np.ndarray, targets: np.ndarray, kind: str, words: str) -> None:
    with pytest.raises(InputError, match=f"The model answers with {words}"):
        score(answers, targets, kind)
    with pytest.raises(InputError, match="The model answers for 'a' with"):
        score(records({"a": answers}), records({"a": targets}), kind)
