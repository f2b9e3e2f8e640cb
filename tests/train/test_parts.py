"""Optimisers, schedules, losses, metrics and callbacks: by name, as text, and as objects of both Keras."""

from __future__ import annotations

import os
import pickle
from typing import Any

import pytest

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from lepton_lab.errors import InputError
from lepton_lab.train._parts import describe, describe_all, name_of, text_of


def keras3() -> Any:
    import keras

    return keras


def legacy() -> Any:
    import tf_keras

    return tf_keras


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("optimizer", " adam ", "adam"),
        (
            "optimizer",
            "SGD(0.1, momentum=0.9)",
            {"class_name": "SGD", "args": [0.1], "config": {"momentum": 0.9}},
        ),
        ("learning rate", "1e-3", 0.001),
        (
            "learning rate",
            "PiecewiseConstantDecay([10], (0.1, 0.01))",
            {"class_name": "PiecewiseConstantDecay", "args": [[10], [0.1, 0.01]], "config": {}},
        ),
        ("loss", "Huber(delta=-2)", {"class_name": "Huber", "args": [], "config": {"delta": -2}}),
    ],
)
def test_texts(kind: str, text: str, expected: Any) -> None:
    assert describe(kind, text) == expected


def test_several_in_one_text() -> None:
    assert describe_all("metric", "auc, Precision(top_k=2),recall") == (
        "auc",
        {"class_name": "Precision", "args": [], "config": {"top_k": 2}},
        "recall",
    )
    assert describe_all("metric", None) == describe_all("metric", "") == ()


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("optimizer", "SGD(", "'SGD\\(' can't be read"),
        ("optimizer", "0.1", "'0.1' can't be read: write a name"),
        ("optimizer", "SGD(lr=open('x'), **{})", "can't be read"),
        ("optimizer", "os.system('true')", "can't be read"),
        ("optimizer", "SGD(momentum=x)", "can't be read"),
        ("metric", "auc,,", "'auc,,' can't be read"),
        ("metric", "a=1", "can't be read"),
        ("loss", 3, "The loss is 3: give a name"),
        ("loss", True, "The loss is True: give a name"),
        ("loss", None, "The loss is None"),
        ("optimizer", {"name": "SGD"}, "without a 'class_name'"),
        ("callback", object(), "The callback is <object"),
    ],
)
def test_what_is_no_part(kind: str, given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        describe_all(kind, given) if kind == "metric" else describe(kind, given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("library", [keras3, legacy])
class TestObjects:
    def test_optimizer_with_a_schedule(self, library: Any) -> None:
        optimizers = library().optimizers
        part = describe("optimizer", optimizers.SGD(optimizers.schedules.CosineDecay(0.1, 10), momentum=0.9))
        assert (part["class_name"], part["config"]["momentum"]) == ("SGD", 0.9)
        rate = part["config"]["learning_rate"]
        assert (rate["class_name"], rate["config"]["decay_steps"]) == ("CosineDecay", 10)
        assert describe("optimizer", optimizers.serialize(optimizers.Adam()))["class_name"] == "Adam"

    def test_loss_metric_and_function(self, library: Any) -> None:
        losses, metrics = library().losses, library().metrics
        part = describe("loss", losses.CategoricalCrossentropy(label_smoothing=0.1))
        assert part["config"]["label_smoothing"] == 0.1
        assert describe("loss", losses.mean_squared_error) == "mean_squared_error"
        assert describe("metric", metrics.AUC)["class_name"] == "AUC"
        assert describe("metric", metrics.AUC(curve="PR", name="area"))["config"]["name"] == "area"

    def test_callbacks_by_their_settings(self, library: Any) -> None:
        callbacks = library().callbacks
        stopping = callbacks.EarlyStopping("loss", min_delta=0.5, patience=3, mode="max")
        expected = {"monitor": "loss", "min_delta": 0.5, "patience": 3, "mode": "max"}
        assert describe("callback", stopping) == {"class_name": "EarlyStopping", "config": expected}
        saving = describe("callback", callbacks.ModelCheckpoint("a.keras", initial_value_threshold=0.3))
        assert saving["config"]["filepath"] == "a.keras"
        assert saving["config"]["initial_value_threshold"] == 0.3
        assert describe("callback", callbacks.CSVLogger("a.csv", separator=";"))["config"]["separator"] == ";"
        settings = describe("callback", callbacks.LearningRateScheduler(halve))["config"]
        assert pickle.loads(settings["schedule"]["pickled"])(4) == 2
        settings = describe("callback", callbacks.LambdaCallback(on_epoch_end=halve))["config"]
        assert set(settings) == {"on_epoch_end"}

    def test_a_schedule_of_ones_own_inside_is_refused(self, library: Any) -> None:
        class Mine(library().optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # Keras is untyped
            def __call__(self, step: Any) -> Any:
                return 0.1

            def get_config(self) -> dict[str, Any]:
                return {}

        with pytest.raises(InputError, match="holds a Mine, which isn't of Keras: hand that over as learning_rate="):
            describe("optimizer", library().optimizers.SGD(Mine()))
        assert name_of(describe("learning rate", Mine())) == "Mine"

    def test_the_mean_of_a_function(self, library: Any) -> None:
        metrics = library().metrics
        part = describe("metric", metrics.MeanMetricWrapper(halve, name="half"))
        assert name_of(part) == "half" and pickle.loads(part["pickled"])(4) == 2
        part = describe("metric", metrics.MeanMetricWrapper(times, name="thrice", factor=3))
        assert name_of(part) == "thrice" and pickle.loads(part["pickled"])(4) == 12
        own = metrics.MeanMetricWrapper(library().losses.mean_squared_error)
        assert describe("metric", own) == "mean_squared_error"

    def test_what_scales_an_optimizer_for_float16(self, library: Any) -> None:
        scaler = (
            getattr(library().optimizers, "LossScaleOptimizer", None) or legacy().mixed_precision.LossScaleOptimizer
        )
        assert describe("optimizer", scaler(library().optimizers.SGD(0.5)))["class_name"] == "SGD"

    def test_a_metric_whose_first_parameter_is_called_otherwise(self, library: Any) -> None:
        class Odd(library().metrics.Mean):  # type: ignore[misc]  # Keras is untyped
            def __init__(this, name: str = "odd", **settings: Any) -> None:  # noqa: N805
                super().__init__(name=name, **settings)

        assert describe("metric", Odd())["name"] == "Odd"

    def test_how_a_loss_is_reduced_is_told(self, library: Any) -> None:
        losses = library().losses
        for loss in (losses.MeanSquaredError(reduction="none"), own_loss(losses, reduction="none")):
            assert text_of(describe("loss", loss)).endswith("(reduction='none')")
        assert text_of(describe("loss", own_loss(losses))) == "Own"


def own_loss(losses: Any, **settings: Any) -> Any:
    class Own(losses.Loss):  # type: ignore[misc]  # Keras is untyped
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return y_true - y_pred

    return Own(**settings)


def times(number: float, factor: float) -> float:
    return number * factor


def halve(number: float) -> float:
    return number / 2


def test_what_is_ones_own_goes_with_its_code() -> None:
    part = describe("loss", halve)
    assert name_of(part) == "halve"
    assert b"test_parts" not in part["pickled"] or pickle.loads(part["pickled"]) is not halve
    assert pickle.loads(part["pickled"])(6) == 3
    with pytest.raises(InputError, match="The loss can't be sent to the workers"):
        lock = __import__("threading").Lock()
        describe("loss", lambda y, p: lock)
