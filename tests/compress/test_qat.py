from pathlib import Path

import numpy as np
import pytest

from lepton_lab.compress import _qat
from lepton_lab.compress._cluster import Clustering
from lepton_lab.compress._prune import Pruning
from lepton_lab.compress._qat import QuantizationAware
from lepton_lab.errors import ConversionError
from lepton_lab.runtime import Graph, Interpreter, load_keras, open_rows, score
from lepton_lab.types import Dataset, Model
from tests.compress.loop import tuned
from tests.models_fixture import keras, make_of_zoo


def accuracy(content: bytes, digits: Dataset) -> float:
    x, y = open_rows(digits, "test")
    return score(Interpreter(content).run(np.asarray(x, np.float32)), y, "classes")["accuracy"]


def test_the_file_answers_as_the_model_that_was_trained(of_zoo: Model, digits: Dataset) -> None:
    hook = QuantizationAware()
    model = tuned(load_keras(of_zoo.file), hook, digits, 150)
    content = hook.to_tflite(load_keras(of_zoo.file), model.get_weights())
    x, y = open_rows(digits, "test")
    simulated = score(model(np.asarray(x, np.float32), training=False).numpy(), y, "classes")["accuracy"]
    assert accuracy(content, digits) == pytest.approx(simulated, abs=0.01)
    assert accuracy(content, digits) > 0.95
    kinds = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
    weighted = {(o.inputs[0].dtype, o.inputs[1].dtype) for o in Graph(content).operations if o.kind in kinds}
    lstm = {("float32", "float32")} if of_zoo.name == "lstm" else set()
    assert weighted == {("int8", "int8"), *lstm}


def test_zeros_and_clusters_are_kept(cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    pruned = tuned(load_keras(cnn.file), Pruning(0.8), digits, 60)
    tuned(pruned, Clustering(16), digits, 60).save(tmp_path / "model.keras")
    hook = QuantizationAware()
    model = tuned(load_keras(tmp_path / "model.keras"), hook, digits, 60)
    content = hook.to_tflite(load_keras(tmp_path / "model.keras"), model.get_weights())
    (dense,) = [o for o in Graph(content).operations if o.kind == "FULLY_CONNECTED" and 64 in o.inputs[1].shape[:1]]
    stored = dense.inputs[1].stored()
    assert (stored == 0).mean() > 0.799 and len(np.unique(stored)) <= 16
    assert dict(hook.report(model))["dense"].endswith("% zeros") and accuracy(content, digits) > 0.95


def test_zeros_of_a_layer_that_stays_float32_are_kept(digits: Dataset, tmp_path: Path) -> None:
    tuned(load_keras(make_of_zoo("lstm").file), Pruning(0.8), digits, 20).save(tmp_path / "model.keras")
    model = tuned(load_keras(tmp_path / "model.keras"), QuantizationAware(), digits, 5)
    kernels = [weight.numpy() for weight in model.weights if "lstm" in weight.name and "kernel" in weight.name]
    assert len(kernels) == 2 and all((kernel == 0).mean() > 0.799 for kernel in kernels)


def test_a_frozen_layer_stays_as_it_is(cnn: Model, digits: Dataset) -> None:
    model, hook = load_keras(cnn.file), QuantizationAware()
    frozen = model.layers[2]
    frozen.trainable = False
    trained = tuned(model, hook, digits, 20)
    learnt = {weight.name: weight.numpy() for weight in trained.weights}
    assert all(np.array_equal(learnt[weight.name], weight.numpy()) for weight in frozen.weights)
    others = [weight for layer in model.layers if layer is not frozen for weight in layer.weights]
    assert others and not any(np.array_equal(learnt[weight.name], weight.numpy()) for weight in others)
    assert accuracy(hook.to_tflite(model, trained.get_weights()), digits) > 0.95


def test_numbers_come_out_in_float32(mlp: Model, table: Dataset) -> None:
    hook = QuantizationAware()
    model = tuned(load_keras(mlp.file), hook, table, 150)
    content = hook.to_tflite(load_keras(mlp.file), model.get_weights())
    x, y = open_rows(table, "test")
    answers = Interpreter(content).run(np.asarray(x, np.float32))
    assert score(answers, y, "numbers")["mse"] < 0.05 * float(np.var(y))
    assert len(np.unique(answers)) > 256


def test_layers_that_tfmot_does_not_know_are_left_alone() -> None:
    told = dict(_qat.plan(load_keras(make_of_zoo("lstm").file), {}))
    assert told["lstm"] == "float32, its answers int8: LSTM can't be trained for int8"
    assert told["answer"] == "int8 weights and activations"


def test_why_a_layer_stays_float32_is_said() -> None:
    layers = keras().layers
    model = keras().Sequential(
        [
            keras().Input((4,)),
            layers.Dense(8, name="first"),
            layers.BatchNormalization(name="norm"),
            layers.Dense(8, name="second"),
            layers.Dense(2, "softmax"),
        ]
    )
    told = dict(_qat.plan(model, {}))
    assert told["first"] == "float32, its answers int8: raw columns can't share one scale"
    assert told["norm"] == (
        "float32, its answers int8: BatchNormalization behind no convolution can't be trained for int8"
    )
    assert told["second"] == "int8 weights and activations"


def test_a_model_of_nothing_else_is_refused() -> None:
    layers = keras().layers
    model = keras().Sequential([keras().Input((8, 4)), layers.LSTM(4, name="only")])
    with pytest.raises(ConversionError, match=r"of only \(LSTM\): take quantize --scheme dynamic"):
        _qat.plan(model, {})
