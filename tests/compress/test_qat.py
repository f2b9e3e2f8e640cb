from pathlib import Path

import numpy as np
import pytest

from lepton_lab.compress import _qat
from lepton_lab.compress._cluster import Clustering
from lepton_lab.compress._prune import Pruning
from lepton_lab.errors import ConversionError
from lepton_lab.runtime import Graph, Interpreter, load_keras, open_rows, score, with_names
from lepton_lab.types import Dataset, Model
from tests.compress.loop import aware, tuned
from tests.models_fixture import keras, make_of_zoo


def accuracy(content: bytes, digits: Dataset) -> float:
    x, y = open_rows(digits, "test")
    return score(Interpreter(content).run(np.asarray(x, np.float32)), y, "classes")["accuracy"]


def test_the_file_answers_as_the_model_that_was_trained(of_zoo: Model, digits: Dataset) -> None:
    model = load_keras(of_zoo.file)
    hook = aware(model)
    model = tuned(model, hook, digits, 150)
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
    model = load_keras(tmp_path / "model.keras")
    hook = aware(model)
    model = tuned(model, hook, digits, 60)
    content = hook.to_tflite(load_keras(tmp_path / "model.keras"), model.get_weights())
    (dense,) = [o for o in Graph(content).operations if o.kind == "FULLY_CONNECTED" and 64 in o.inputs[1].shape[:1]]
    stored = dense.inputs[1].stored()
    assert (stored == 0).mean() > 0.799 and len(np.unique(stored)) <= 16
    assert dict(hook.report(model))["dense"].endswith("% zeros") and accuracy(content, digits) > 0.95


def test_zeros_of_a_layer_that_stays_float32_are_kept(digits: Dataset, tmp_path: Path) -> None:
    tuned(load_keras(make_of_zoo("lstm").file), Pruning(0.8), digits, 20).save(tmp_path / "model.keras")
    model = load_keras(tmp_path / "model.keras")
    model = tuned(model, aware(model), digits, 5)
    kernels = [weight.numpy() for weight in model.weights if "lstm" in weight.name and "kernel" in weight.name]
    assert len(kernels) == 2 and all((kernel == 0).mean() > 0.799 for kernel in kernels)


def test_a_frozen_layer_stays_as_it_is(cnn: Model, digits: Dataset) -> None:
    model = load_keras(cnn.file)
    hook = aware(model)
    frozen = model.layers[2]
    frozen.trainable = False
    trained = tuned(model, hook, digits, 20)
    learnt = {weight.name: weight.numpy() for weight in trained.weights}
    assert all(np.array_equal(learnt[weight.name], weight.numpy()) for weight in frozen.weights)
    others = [weight for layer in model.layers if layer is not frozen for weight in layer.weights]
    assert others and not any(np.array_equal(learnt[weight.name], weight.numpy()) for weight in others)
    assert accuracy(hook.to_tflite(model, trained.get_weights()), digits) > 0.95


def test_numbers_come_out_in_float32(mlp: Model, table: Dataset) -> None:
    model = load_keras(mlp.file)
    hook = aware(model)
    model = tuned(model, hook, table, 150)
    content = hook.to_tflite(load_keras(mlp.file), model.get_weights())
    x, y = open_rows(table, "test")
    answers = Interpreter(content).run(np.asarray(x, np.float32))
    assert score(answers, y, "numbers")["mse"] < 0.05 * float(np.var(y))
    assert len(np.unique(answers)) > 256


def test_layers_that_tfmot_does_not_know_are_left_alone() -> None:
    told = dict(_qat.plan(load_keras(make_of_zoo("lstm").file), {}).layers)
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
    told = dict(_qat.plan(model, {}).layers)
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


def test_what_is_refused_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever refuses it: tfmot, which names the layer, or another that doesn't, so that it has to be looked for."""
    layers = keras().layers
    rows = keras().Input((6, 6, 1))
    x = layers.Conv2D(4, 3, name="first")(rows)
    x = layers.Flatten(name="flat")(layers.Conv2D(4, 3, name="second")(x))
    model = keras().Model(rows, layers.Dense(2, "softmax", name="last")(x))
    whole = _qat.wrap

    def choosy(flat: object, ways: dict[str, str]) -> object:
        if ways["second"] == "int8":
            raise ValueError("something is amiss")
        return whole(flat, ways)

    monkeypatch.setattr(_qat, "wrap", choosy)
    told = dict(_qat.plan(model, {}).layers)
    refusal = "refused as int8 (ValueError: something is amiss)"  # the converter makes the weights int8 by itself
    assert told["second"] == f"int8 weights made after the training, its answers int8: {refusal}"
    assert told["first"] == told["last"] == "int8 weights and activations"


def test_a_model_within_a_model_operators_and_an_activation_before_normalisation() -> None:
    layers = keras().layers
    stem = keras().Sequential(
        [keras().Input((6, 6, 1)), layers.Conv2D(4, 3, activation="relu", name="conv")], name="stem"
    )
    rows = keras().Input((6, 6, 1))
    x = layers.Flatten()(layers.BatchNormalization(name="norm")(stem(rows)))
    x = layers.Dense(8, "relu", name="one")(x)
    x = x + layers.Dense(8, "relu", name="two")(x)
    model = keras().Model(rows, layers.Dense(2, "softmax", name="last")(x))
    hook = aware(model)
    wrapped = hook.prepare(model, 3)
    some = np.random.default_rng(0).normal(size=(32, 6, 6, 1)).astype("float32")
    for _ in range(3):
        wrapped(some, training=True)
    content = hook.to_tflite(model, wrapped.get_weights())
    told = dict(hook.report(wrapped))
    assert {told[name] for name in ("stem_conv", "one", "two", "last")} == {"int8 weights and activations"}
    assert "not right behind a convolution without activation" in told["norm"]
    operations = Graph(content).operations
    kinds = ("CONV_2D", "FULLY_CONNECTED")
    assert [o.inputs[1].dtype for o in operations if o.kind in kinds] == ["int8"] * 4
    assert [o.outputs[0].dtype for o in operations if o.kind == "ADD"].count("int8") == 1
    np.testing.assert_allclose(Interpreter(content).run(some), wrapped(some, training=False).numpy(), atol=0.02)


def test_answers_that_are_part_of_the_loss_are_refused() -> None:
    layers = keras().layers
    dense = layers.Dense(8, "relu", activity_regularizer="l2", name="judged")
    model = keras().Sequential([keras().Input((4,)), dense, layers.Dense(2, "softmax")])
    with pytest.raises(ConversionError, match=r"judged are part of the loss .* quantize the model instead"):
        _qat.plan(model, {})


def test_several_inputs_and_outputs_keep_their_names() -> None:
    layers = keras().layers
    image, table = keras().Input((4, 4, 1), name="picture"), keras().Input((2,), name="table")
    both = layers.Concatenate()([layers.Flatten()(layers.Conv2D(2, 3)(image)), layers.Dense(4, name="columns")(table)])
    ends = {"price": layers.Dense(1, name="first")(both), "kind": layers.Dense(3, "softmax", name="second")(both)}
    model = with_names(keras().Model({"image": image, "facts": table}, ends))
    hook = aware(model)
    wrapped = hook.prepare(model, 10)
    answers = wrapped({"image": np.ones((5, 4, 4, 1), "float32"), "facts": np.ones((5, 2), "float32")})
    assert {name: part.shape[1] for name, part in answers.items()} == {"price": 1, "kind": 3}
    assert list(wrapped.output_names) == ["kind", "price"] and list(wrapped.input_names) == ["facts", "image"]
    assert "raw columns can't share one scale" in dict(hook.report(wrapped))["columns"]
