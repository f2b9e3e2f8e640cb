import importlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lepton_lab.errors import InputError
from lepton_lab.lab._training import Training, packed
from lepton_lab.runtime import import_keras3, read_config, read_output_names
from lepton_lab.train import compiled_in, compiled_of, told
from lepton_lab.train._make import make
from lepton_lab.train._step import make_loss

GIVEN: dict[str, Any] = {
    **{"epochs": 1, "batch_size": 8, "optimizer": None, "learning_rate": None, "loss": None, "metrics": None},
    **{"callbacks": None, "class_weight": None, "augment": None},
}


@pytest.fixture(params=["tf_keras", "keras"])
def keras(request: pytest.FixtureRequest) -> Any:
    return importlib.import_module(request.param)


def one(keras: Any) -> Any:
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="only")])


def two(keras: Any) -> Any:
    rows = keras.Input((4,))
    return keras.Model(rows, [keras.layers.Dense(1, name="a")(rows), keras.layers.Dense(3, name="b")(rows)])


def saved(model: Any, tmp_path: Path) -> dict[str, Any]:
    """What the model's file says that it was compiled with."""
    file = tmp_path / "model.keras"
    model.save(file)
    return compiled_in(read_config(file)[0], read_output_names(file))


def test_what_was_never_compiled_says_nothing(keras: Any, tmp_path: Path) -> None:
    assert compiled_of(one(keras)) == {} == saved(one(keras), tmp_path)


@pytest.mark.parametrize("name", ["Huber", "CosineSimilarity", "CategoricalFocalCrossentropy"])
def test_no_setting_of_a_loss_is_lost(keras: Any, name: str) -> None:
    """Keras 3's own `get_config` leaves out Huber's `delta`, and an `axis`."""
    given = {"Huber": {"delta": 0.5}, "CosineSimilarity": {"axis": 1}}.get(name, {"alpha": 0.3, "gamma": 1.5})
    model = one(keras)
    model.compile(loss=getattr(keras.losses, name)(**given))
    rows, answers = np.random.default_rng(0).random((2, 4, 3), np.float32)
    ours = make("loss", compiled_of(model)["loss"])(rows, answers)
    assert np.asarray(ours) == pytest.approx(np.asarray(model.loss(rows, answers)), rel=1e-6)


def test_outputs_in_a_dict_are_known_by_its_keys(keras: Any) -> None:
    rows = keras.Input((4,))
    outputs = {"price": keras.layers.Dense(1, name="a")(rows), "kind": keras.layers.Dense(3, name="z")(rows)}
    model = keras.Model(rows, outputs)
    model.compile(loss={"kind": "sparse_categorical_crossentropy", "price": "mse"})
    assert compiled_of(model)["loss"] == {"kind": "sparse_categorical_crossentropy", "price": "mse"}


def test_objects_with_their_settings(keras: Any, tmp_path: Path) -> None:
    model = one(keras)
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 100, 0.9)
    model.compile(
        optimizer=keras.optimizers.SGD(schedule, momentum=0.9, clipnorm=1.0),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
        metrics=["accuracy", keras.metrics.AUC(name="area")],
        weighted_metrics=["mse"],
    )
    for found in (compiled_of(model), saved(model, tmp_path)):
        optimizer = make("optimizer", found["optimizer"])
        rate = optimizer._learning_rate
        assert (optimizer.momentum, optimizer.clipnorm) == (0.9, 1.0)
        assert np.asarray(rate(100)) == pytest.approx(0.09)
        loss = make("loss", found["loss"]).get_config()
        assert (loss["from_logits"], loss["label_smoothing"]) == (True, 0.1)
        assert found["metrics"][0] == "accuracy" and make("metric", found["metrics"][1]).name == "area"
        assert found["weighted_metrics"] == ["mse"]
        assert told(found["loss"]) == "CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)"


def test_of_each_output(keras: Any, tmp_path: Path) -> None:
    model = two(keras)
    model.compile("adam", ["mse", None], loss_weights=[0.5, 2.0], metrics=[["mae"], ["accuracy"]])
    for found in (compiled_of(model), saved(model, tmp_path)):
        assert found["loss"] == {"a": "mse"}
        assert found["loss_weights"] == {"a": 0.5, "b": 0.0}  # Keras learns nothing from an output without a loss
        assert found["metrics"] == {"a": ["mae"], "b": ["accuracy"]}


def test_a_function_of_ones_own_goes_by_value_and_a_file_misses_it(keras: Any, tmp_path: Path) -> None:
    def mine(truth: Any, answers: Any) -> Any:
        return answers[:, 0] * 0 + 7

    model = one(keras)
    model.compile("adam", mine)
    assert np.asarray(make("loss", compiled_of(model)["loss"])(None, np.ones((2, 3), "float32"))).tolist() == [7, 7]
    lost = saved(model, tmp_path)
    with pytest.raises(InputError, match=r"compiled with mine, .*give --loss"):
        Training.from_given(GIVEN, packed(lost))
    assert Training.from_given(GIVEN | {"loss": "mae"}, packed(lost)).loss == "mae"


def test_a_loss_class_of_ones_own(keras: Any) -> None:
    class Scaled(keras.losses.Loss):  # type: ignore[misc]
        def __init__(self, factor: float, **settings: Any) -> None:
            super().__init__(**settings)
            self.factor = factor

        def call(self, truth: Any, answers: Any) -> Any:
            return (truth - answers)[:, 0] * self.factor

    model = one(keras)
    model.compile("adam", Scaled(3.0, reduction="sum"), run_eagerly=True)
    training = Training.from_given(GIVEN, packed(compiled_of(model)))
    assert "loss Scaled(reduction='sum')" in training.origin
    assert training.origin.endswith("Steps run as graphs here, though it was compiled with run_eagerly=True.")
    made = make("loss", training.loss)
    assert (made.factor, made.reduction) == (3.0, "sum")


@pytest.mark.parametrize("schedule", [False, True])
def test_what_weight_decay_leaves_out(keras: Any, schedule: bool) -> None:
    class Steep(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        def __call__(self, step: Any) -> float:
            return 0.25

    model = two(keras)
    optimizer = keras.optimizers.AdamW(Steep() if schedule else 0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[model.trainable_variables[2]], var_names=["bias"])
    model.compile(optimizer, ["mse", "mse"])
    training = Training.from_given(GIVEN, packed(compiled_of(model)))
    again = Training.from_plain(json.loads(json.dumps(training.to_plain())))
    assert again.optimizer["undecayed"] == [[1, "a/bias"], [2, "b/kernel"], [3, "b/bias"]]


def test_a_schedule_of_ones_own(keras: Any) -> None:
    class Steep(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        def __call__(self, step: Any) -> float:
            return 0.25

    model = one(keras)
    model.compile(keras.optimizers.SGD(Steep(), momentum=0.5), "mse")
    training = Training.from_given(GIVEN, packed(compiled_of(model)))
    assert float(np.asarray(make("learning rate", training.learning_rate)(3))) == 0.25
    assert make("optimizer", training.optimizer).momentum == 0.5


def test_what_is_given_goes_before(keras: Any) -> None:
    model = one(keras)
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
    compiled = packed(compiled_of(model))
    training = Training.from_given(GIVEN, compiled)
    assert training.origin == "From the model's compile: optimizer Adam(learning_rate=0.01); loss mse; metrics mae."
    training = Training.from_given(GIVEN | {"loss": "mae", "learning_rate": 0.5}, compiled)
    assert (training.loss, training.learning_rate, training.optimizer["class_name"]) == ("mae", 0.5, "Adam")
    assert training.origin.endswith("As given: learning_rate 0.5; loss mae.")
    assert Training.from_plain(training.to_plain()) == training
    plain = Training.from_given(GIVEN, {})
    assert (plain.optimizer, plain.loss, plain.metrics, plain.origin) == ("adam", "auto", (), "")


def test_names_of_outputs_must_be_there(keras: Any) -> None:
    settings = SimpleNamespace(config={"loss": {"c": "mse"}})
    model = two(keras)
    model.compile("sgd", {"a": "mse"})
    model._compile_config = settings
    with pytest.raises(InputError, match="loss for 'c', but its outputs are a, b"):
        compiled_of(model)


def test_losses_that_only_keras_3_has() -> None:
    keras = import_keras3()
    truth, answers = np.eye(3, dtype=np.float32)[[0, 2, 1, 1]], np.random.default_rng(0).random((4, 3), np.float32)
    for given in ("tversky", keras.losses.Dice(axis=1), keras.losses.Tversky(alpha=0.3, beta=0.9, axis=1)):
        model = one(keras)
        model.compile("sgd", given)
        loss, is_of_one_hot, _ = make_loss(compiled_of(model)["loss"], {})
        expected = keras.losses.get(given)(truth, answers)
        assert is_of_one_hot and np.mean(loss(truth, answers)) == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize(("kind", "name"), [("optimizer", "Lamb"), ("metric", "PearsonCorrelation")])
def test_what_only_keras_3_has_is_named_so(kind: str, name: str) -> None:
    with pytest.raises(InputError, match=rf"{name} is one of Keras 3 only, .* take another, such as "):
        make(kind, {"class_name": name, "config": {}})


def test_a_file_without_the_optimizer_keeps_the_loss(tmp_path: Path) -> None:
    """As Keras 3 writes one of a model that it has written as `.h5` before."""
    import keras

    model = one(keras)
    model.compile("sgd", "mae", metrics=["mse"])
    model.save(tmp_path / "first.h5")
    assert saved(model, tmp_path) == {"loss": "mae", "metrics": ["mse"]}


def test_a_model_that_learns_by_add_loss_alone(tmp_path: Path) -> None:
    import tf_keras

    rows = tf_keras.Input((4,))
    model = tf_keras.Model(rows, tf_keras.layers.Dense(4)(rows))
    model.add_loss(tf_keras.backend.mean(model.output**2))
    model.compile("sgd")
    assert compiled_of(model)["loss_weights"] == {"": 0.0} == saved(model, tmp_path)["loss_weights"]
    assert Training.from_given(GIVEN | {"loss": "mse"}, packed(compiled_of(model))).loss_weights in ({}, None)
    model.compile("sgd", "mse")
    assert "loss_weights" not in compiled_of(model) and "loss_weights" not in saved(model, tmp_path)
