from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton_lab.errors import ConversionError
from lepton_lab.runtime import Interpreter, _convert, import_keras3, load_keras, open_rows, to_tflite, write_saved_model
from lepton_lab.runtime._convert import frozen
from lepton_lab.runtime._saved_model import SavedModel
from lepton_lab.types import Dataset, Model
from tests.models_fixture import keras


def test_what_litert_can_not_run_is_a_conversion_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_convert, "_plain_operations", nullcontext)
    layers = keras().layers
    model = keras().Sequential([keras().Input((8, 8, 4)), layers.GroupNormalization(2), layers.Flatten()])
    with pytest.raises(ConversionError, match=r"can't run what its converter made: .*BROADCAST"):
        to_tflite(model)


def test_division_without_nan_in_five_dimensions() -> None:
    import tensorflow as tf

    rows = keras().Input((4, 4, 6))
    normal = keras().layers.GroupNormalization(3, epsilon=0.1)(rows)
    folded = tf.reshape(rows, (-1, 4, 4, 3, 2))
    shares = tf.math.divide_no_nan(folded, tf.nn.relu(folded))  # 1, or 0 where it is divided by 0
    model = keras().Model(rows, keras().layers.Concatenate()([normal, tf.reshape(shares, (-1, 4, 4, 6))]))
    x = np.random.default_rng(0).normal(size=(8, 4, 4, 6)).astype(np.float32)
    found = Interpreter(to_tflite(model)).run(x)
    np.testing.assert_allclose(found, model(x), atol=2e-6)
    groups = x.reshape(8, 4, 4, 3, 2)
    mean, variance = (f(groups, axis=(1, 2, 4), keepdims=True) for f in (np.mean, np.var))
    np.testing.assert_allclose(found[..., :6], ((groups - mean) / np.sqrt(variance + 0.1)).reshape(x.shape), atol=1e-5)
    np.testing.assert_array_equal(found[..., 6:], x > 0)


DRAWING = [
    ("tf_keras", "RandomCrop", (6, 6)),
    ("tf_keras", "RandomZoom", (0.2,)),
    ("keras", "RandomSaturation", (0.5,)),
    ("keras", "MixUp", ()),
]


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


@pytest.mark.parametrize("library", ["tf_keras", "keras"])
@pytest.mark.parametrize(("policy", "computed"), [("float64", "float64"), ("mixed_bfloat16", "bfloat16")])
def test_another_dtype_is_named_as_the_cause(library: str, policy: str, computed: str) -> None:
    one = import_keras3() if library == "keras" else keras()
    rows = one.Input((3,))
    model = one.Model(rows, one.layers.Dense(2, dtype=policy)(rows))
    with pytest.raises(ConversionError, match=rf"compute in {computed}, and LiteRT in float32: .* policy float32"):
        to_tflite(model)


def test_operations_of_keras_3_are_named_among_what_may_need_it() -> None:
    one = import_keras3()
    rows = one.Input((3,))
    with pytest.raises(ConversionError, match=r"tf.Erfinv.*, erfinv\w* \(Erfinv\)"):
        to_tflite(one.Model(rows, one.ops.erfinv(rows)))


def test_argmax_of_keras_3_knows_a_negative_zero() -> None:
    one = import_keras3()
    rows = one.Input((3,), name="rows")
    least, most = (find(rows, -1, keepdims=True) for find in (one.ops.argmin, one.ops.argmax))
    model = one.Model(rows, one.ops.concatenate([least, most, one.ops.cast(one.ops.signbit(rows), "int32")], -1))
    given = np.array([[-0.0, 0.0, -0.0], [0.0, -0.0, -1.0], [3.0, -2.0, 5.0]], np.float32)
    expected = np.asarray(model(given))
    assert expected[0].tolist() == [0, 1, 1, 0, 1]
    np.testing.assert_array_equal(Interpreter(to_tflite(model)).run(given), expected)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN", "Bidirectional", "nested", "convolutional"])
def test_recurrent_layers_take_any_number_of_rows_and_remember_none(kind: str) -> None:
    layers = keras().layers
    keras().utils.set_random_seed(0)

    class Own(layers.Layer):  # type: ignore[misc]  # tf_keras is untyped
        def call(self, rows: Any) -> Any:
            return rows * 2

    one = {
        "Bidirectional": lambda: layers.Bidirectional(layers.LSTM(4)),
        "nested": lambda: keras().Sequential([keras().Input((6, 3)), layers.GRU(4)]),
        "convolutional": lambda: keras().Sequential(
            [keras().Input((6, 3)), layers.Reshape((3, 2, 3)), layers.ConvLSTM1D(4, 2), layers.Flatten()]
        ),
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


@pytest.mark.parametrize("library", ["tf_keras", "keras"])
def test_masks_of_layers_that_go_backwards(library: str) -> None:
    """tf_keras by itself takes the mask as it lies where such a layer is unrolled, and gives zeros at other steps."""
    one = import_keras3() if library == "keras" else keras()
    one.utils.set_random_seed(0)
    ids = one.Input((6,), dtype="int32", name="ids")
    known = one.layers.Embedding(9, 4, mask_zero=True)(ids)
    model = one.Model(ids, one.layers.Bidirectional(one.layers.GRU(3, return_sequences=True))(known))
    rows = np.array([[1, 2, 3, 4, 5, 6], [7, 8, 0, 0, 0, 0], [1, 0, 2, 0, 3, 0], [0, 0, 0, 4, 5, 6]], np.int32)
    if library == "keras":
        with pytest.raises(ConversionError, match="Keras 3 doesn't reverse the mask of a recurrent layer"):
            to_tflite(model)
    else:
        np.testing.assert_allclose(Interpreter(to_tflite(model)).run(rows), model(rows), atol=1e-6)


def test_an_activation_with_a_gradient_of_its_own_keeps_the_names() -> None:
    layers = keras().layers
    rows = keras().Input((4,), name="rows")
    model = keras().Model(rows, layers.Dense(2, name="answer")(layers.Dense(3, activation="swish")(rows)))
    opened = Interpreter(to_tflite(model))
    assert [port.name for port in (*opened.inputs, *opened.outputs)] == ["rows", "answer"]


def test_a_table_of_numbers_is_saved_and_no_constant(tmp_path: Path) -> None:
    layers = keras().layers
    rows = keras().Input((2,), dtype="int64", name="rows")
    known = layers.IntegerLookup(vocabulary=[12, 36], name="lookup")(rows)
    model = keras().Model(rows, layers.Dense(2, name="answer")(layers.Embedding(4, 3)(known)))
    write_saved_model(model, tmp_path / "saved")
    values = np.array([[12, 7], [36, 12]])
    np.testing.assert_allclose(SavedModel(tmp_path / "saved").run(values), model(values), atol=1e-6)
    with pytest.raises(ConversionError, match="'lookup' looks up its input in a table, which TensorFlow"):
        frozen(model)


@pytest.mark.parametrize(("library", "name", "given"), DRAWING)
def test_augmentation_is_no_obstacle(library: str, name: str, given: tuple[float, ...], tmp_path: Path) -> None:
    """It keeps a state to draw by, which no file has a place for, and changes nothing outside of training."""
    one = import_keras3() if library == "keras" else keras()
    one.utils.set_random_seed(0)
    pictures = one.Input((8, 8, 3), name="pictures")
    augmented = getattr(one.layers, name)(*given)(pictures)
    model = one.Model(pictures, one.layers.Dense(3)(one.layers.Flatten()(augmented)))
    rows = np.random.default_rng(0).uniform(0, 1, (5, 8, 8, 3)).astype("float32")
    expected = np.asarray(model(rows, training=False))
    np.testing.assert_allclose(Interpreter(to_tflite(model)).run(rows), expected, atol=1e-5)
    write_saved_model(model, tmp_path)
    np.testing.assert_allclose(SavedModel(tmp_path).run(rows), expected, atol=1e-5)
