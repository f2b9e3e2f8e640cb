from pathlib import Path

import numpy as np
import pytest

from lepton_lab.errors import InputError
from lepton_lab.runtime import Interpreter, load_keras, open_rows, to_tflite
from lepton_lab.types import Dataset, Model
from tests.models_fixture import keras, truncate, whole_number_file


def test_rows_together_answer_as_rows_alone(int8_cnn: Model, digits: Dataset) -> None:
    interpreter = Interpreter(int8_cnn.file)
    rows = open_rows(digits, "test")[0][:20]
    together = interpreter.run(rows)
    alone = np.concatenate([interpreter.run(row[None]) for row in rows])
    assert together.shape == (20, 10) and together.dtype == np.float32
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_names_of_inputs_and_outputs(int8_cnn: Model) -> None:
    interpreter = Interpreter(int8_cnn.file)
    (port,) = interpreter.inputs
    assert (port.name, port.shape, port.dtype) == ("rows", (-1, 8, 8, 1), "float32")
    assert port.tensor != port.name
    assert interpreter.outputs[0].shape == (-1, 10)


def test_operations_are_listed_in_order(int8_cnn: Model) -> None:
    kinds = [operation.kind for operation in Interpreter(int8_cnn.file).operations]
    assert kinds[0] == "QUANTIZE" and kinds[-1] == "SOFTMAX" and kinds.count("CONV_2D") == 2
    assert "DELEGATE" not in kinds


def test_latency_is_some_microseconds(int8_cnn: Model) -> None:
    assert 1e-7 < Interpreter(int8_cnn.file).latency(np.zeros((1, 8, 8, 1), np.float32)) < 0.1


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_a_truncated_file_is_an_input_error(int8_cnn: Model, tmp_path: Path, share: float) -> None:
    file = tmp_path / "model.tflite"
    file.write_bytes(int8_cnn.file.read_bytes())
    truncate(file, share)
    with pytest.raises(InputError, match=r"model.tflite can't be run by LiteRT"):
        Interpreter(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone.tflite is missing"):
        Interpreter(tmp_path / "gone.tflite")


def test_an_lstm_forgets_the_rows_before() -> None:
    import tensorflow as tf

    tf_keras = keras()
    tf_keras.utils.set_random_seed(0)
    model = tf_keras.Sequential([tf_keras.Input((6, 3)), tf_keras.layers.LSTM(4)])
    spec = tf.TensorSpec((1, 6, 3), tf.float32)
    function = tf.function(lambda rows: model(rows)).get_concrete_function(spec)
    interpreter = Interpreter(tf.lite.TFLiteConverter.from_concrete_functions([function], model).convert())
    assert "UNIDIRECTIONAL_SEQUENCE_LSTM" in [operation.kind for operation in interpreter.operations]
    rows = np.random.default_rng(0).normal(size=(5, 6, 3)).astype("float32")
    np.testing.assert_allclose(interpreter.run(rows), model(rows).numpy(), atol=1e-6)
    assert interpreter.num_parameters >= model.count_params()


def test_what_every_operation_wrote(cnn: Model, int8_cnn: Model, digits: Dataset) -> None:
    rows = np.asarray(open_rows(digits, "test")[0][:1], np.float32)
    model = load_keras(cnn.file)
    expected = keras().Model(model.inputs, model.get_layer("dense").output)(rows).numpy()
    for source, error in ((to_tflite(model), 1e-4), (int8_cnn.file, 0.1)):
        interpreter = Interpreter(source, keeps_all=True)
        answers, found = interpreter.run(rows), interpreter.computed()
        (dense,) = [values for name, values in found.items() if "/dense/" in name and values.shape == (1, 64)]
        np.testing.assert_allclose(dense, expected, atol=error * np.abs(expected).max())
        assert dense.dtype == np.float32 and len(np.unique(dense)) > 10
        np.testing.assert_array_equal(found[interpreter.outputs[0].tensor], answers)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_a_file_all_of_whole_numbers_takes_and_gives_what_they_stand_for(dtype: str, tmp_path: Path) -> None:
    interpreter = Interpreter(whole_number_file(tmp_path / "whole.tflite", dtype))
    assert interpreter.inputs[0].dtype == interpreter.outputs[0].dtype == "float32"
    rows, expected = (np.load(tmp_path / f"{name}.npy") for name in ("rows", "answers"))
    assert np.abs(interpreter.run(rows) - expected).max() < 0.05 * np.abs(expected).max()
