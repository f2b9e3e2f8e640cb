"""Ranges of answers, as quantisation-aware training learns them."""

from __future__ import annotations

import numpy as np
import pytest

from lepton_lab.runtime import open_rows
from lepton_lab.types import Dataset
from tests.compress.loop import aware, tuned
from tests.models_fixture import keras


def widest(model: object) -> float:
    """The greatest end of a range of the first layer's answers."""
    return max(float(weight) for weight in model.get_layer("quant_wide").weights if "activation_max" in weight.name)


@pytest.mark.parametrize("factor", [0.01, 30.0])
def test_a_few_steps_are_enough_for_answers_of_any_size(digits: Dataset, factor: float) -> None:
    layers = keras().layers
    keras().utils.set_random_seed(1)
    start = keras().initializers.RandomUniform(-factor, factor, seed=1)
    model = keras().Sequential(
        [
            keras().Input((8, 8, 1)),
            layers.Rescaling(1 / 16),
            layers.Flatten(),
            layers.Dense(16, activation="relu", kernel_initializer=start, trainable=False, name="wide"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    x, _ = open_rows(digits, "train")
    answers = keras().Model(model.inputs, model.get_layer("wide").output)(np.asarray(x[:500], np.float32)).numpy()
    expected = float(answers.max())
    trained = tuned(model, aware(model), digits, 12)
    assert widest(trained) == pytest.approx(expected, rel=0.2)
