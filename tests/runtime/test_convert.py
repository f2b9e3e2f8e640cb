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
