import numpy as np
import pytest

from lepton_lab.runtime import score
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


def test_numbers() -> None:
    assert score(np.array([[1.0], [4.0]]), np.array([2.0, 2.0]), "numbers") == {"mae": 1.5, "mse": 2.5}
