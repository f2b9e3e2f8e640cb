from typing import Any

import numpy as np
import pytest

from lepton_lab.errors import ConversionError
from lepton_lab.runtime import Interpreter, load_keras, open_rows, to_tflite
from lepton_lab.types import Dataset, Model
from tests.models_fixture import keras


def test_answers_as_the_keras_model(cnn: Model, digits: Dataset) -> None:
    model = load_keras(cnn.file)
    rows = np.asarray(open_rows(digits, "test")[0][:50], np.float32)
    answers = Interpreter(to_tflite(model)).run(rows)
    assert np.abs(answers - model(rows).numpy()).max() < 1e-5


def test_a_layer_without_counterpart_is_a_conversion_error() -> None:
    import tensorflow as tf

    class Special(keras().layers.Layer):  # type: ignore[misc]  # tf_keras is untyped
        def call(self, rows: tf.Tensor) -> tf.Tensor:
            return tf.math.erfinv(rows)

    inputs = keras().Input((3,))
    with pytest.raises(ConversionError, match=r"no operation for tf.Erfinv.*odd \(Special\)"):
        to_tflite(keras().Model(inputs, Special(name="odd")(inputs)))


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN", "Bidirectional", "nested"])
def test_recurrent_layers_take_any_number_of_rows_and_remember_none(kind: str) -> None:
    layers = keras().layers
    keras().utils.set_random_seed(0)

    class Own(layers.Layer):  # type: ignore[misc]  # tf_keras is untyped
        def call(self, rows: Any) -> Any:
            return rows * 2

    one = {
        "Bidirectional": lambda: layers.Bidirectional(layers.LSTM(4)),
        "nested": lambda: keras().Sequential([keras().Input((6, 3)), layers.GRU(4)]),
    }
    made = one[kind]() if kind in one else getattr(layers, kind)(4)
    inputs = keras().Input((6, 3))
    model = keras().Model(inputs, layers.Dense(2)(made(Own()(inputs))))
    rows = np.random.default_rng(0).normal(size=(5, 6, 3)).astype("float32")
    before = model(rows).numpy()
    interpreter = Interpreter(to_tflite(model))
    assert interpreter.inputs[0].shape == (-1, 6, 3)
    np.testing.assert_allclose(interpreter.run(rows), before, atol=1e-6)
    np.testing.assert_allclose(np.concatenate([interpreter.run(row[None]) for row in rows]), before, atol=1e-6)
    assert not any(
        operation.kind in ("WHILE", "CALL_ONCE") or "LSTM" in operation.kind for operation in interpreter.operations
    )
