from typing import Any

import numpy as np
import pytest

from lepton_lab.compress._flatten import flattened
from lepton_lab.runtime import load_keras
from tests.models_fixture import keras, make_of_zoo


def block(training: bool | None = None) -> Any:
    layers = keras().layers
    inner = keras().Sequential(
        [keras().Input((6, 6, 2)), layers.Conv2D(3, 3, use_bias=False, name="conv")], name="inner"
    )
    base = keras().Sequential([inner, layers.BatchNormalization(name="norm"), layers.Dropout(0.5)], name="base")
    rows = keras().Input((6, 6, 2))
    answer = layers.Flatten()(base(rows) if training is None else base(rows, training=training))
    return keras().Model(rows, layers.Dense(3)(answer))


def operators() -> Any:
    layers, rows = keras().layers, keras().Input((5,))
    shared = layers.Dense(5, activation="elu")
    x = shared(rows) + shared(rows * 2.0) - rows
    return keras().Model(rows, layers.Dense(2)((1.0 - x)[:, 1:]))


def attention() -> Any:
    layers, rows = keras().layers, keras().Input((4, 6))
    attended = layers.MultiHeadAttention(2, 3)
    return keras().Model(rows, layers.LayerNormalization()(rows + attended(rows, attended(rows, rows))))


def several() -> Any:
    layers = keras().layers
    one, other = keras().Input((4,), name="one"), keras().Input((4,), name="other")
    tower = keras().Sequential([keras().Input((4,)), layers.Dense(3)], name="tower")
    return keras().Model([one, other], layers.Concatenate()([tower(one), tower(other)]))


@pytest.mark.parametrize("make", [block, operators, attention, several])
def test_the_answers_are_the_same(make: Any) -> None:
    keras().utils.set_random_seed(0)
    model = make()
    for weight in model.weights:  # as if learnt, moving averages too
        weight.assign(np.random.default_rng(1).uniform(0.5, 1.5, weight.shape))
    flat = flattened(model)
    random = np.random.default_rng(0)
    rows = [random.normal(size=(7, *one.shape[1:])).astype("float32") for one in model.inputs]
    given = rows[0] if len(rows) == 1 else rows
    np.testing.assert_allclose(flat(given).numpy(), model(given).numpy(), atol=1e-6)
    assert flat.count_params() == model.count_params()
    assert not any(isinstance(layer, keras().Model) for layer in flat.layers)
    assert not any("OpLambda" in type(layer).__name__ for layer in flat.layers)


def test_names_and_layers() -> None:
    names = [layer.name for layer in flattened(block()).layers[1:]]
    assert names[:2] == ["base_inner_conv", "base_norm"] and names[2].startswith("base_dropout")
    kinds = [type(layer).__name__ for layer in flattened(operators()).layers]
    assert kinds.count("Add") == 1 and kinds.count("Dense") == 2 and kinds.count("Activation") == 1


def test_a_base_that_is_called_without_training_keeps_its_statistics() -> None:
    flat = flattened(block(training=False))
    kinds = [type(layer).__name__ for layer in flat.layers]
    assert "Dropout" not in kinds and not flat.get_layer("base_norm").trainable
    rows = np.random.default_rng(0).normal(size=(7, 6, 6, 2)).astype("float32")
    np.testing.assert_array_equal(flat(rows, training=True).numpy(), flat(rows, training=False).numpy())


def test_a_plain_model_stays_what_it_is() -> None:
    model = load_keras(make_of_zoo("cnn").file)
    assert flattened(model) is model
