"""What a Keras user expects of a training, on real ranks, held against Keras's own `fit` and `evaluate`."""

from __future__ import annotations

import importlib
import os
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from lepton_lab import forkserver
from lepton_lab.data import open_split
from lepton_lab.errors import InputError, UserCodeError
from lepton_lab.events import RunProgress
from lepton_lab.lab import Lab
from tests.train_fixture import SOFTMAX, by_keras, judged_by_keras, rows_of, same, weights

ONE: dict[str, Any] = {"strategy": "single"}
TWO: dict[str, Any] = {"strategy": "multiworker", "workers": 2}
AVERAGING: dict[str, Any] = {"strategy": "averaging", "workers": 2, "every": 3}
WHOLE = {"batch_size": 2000, "epochs": 3}
"""A step an epoch: the rows' order doesn't matter, and Keras's `fit` does the same."""


@pytest.fixture(scope="module")
def softmax(lab: Lab) -> str:
    """A model that learns digits by a convex loss."""
    lab.model.new("softmax", data="digits", builder=SOFTMAX)
    return "softmax"


def trained(lab: Lab, model: str, **settings: Any) -> list[Any]:
    """The weights after a training."""
    lab.train(model, "digits", **{"epochs": 2} | settings)
    return weights(lab, model)


class TestOptimizers:
    @pytest.mark.parametrize(
        ("settings", "keras"),
        [
            ({"optimizer": "SGD(0.5, momentum=0.9)"}, "keras.optimizers.SGD(0.5, momentum=0.9)"),
            ({"optimizer": "RMSprop", "learning_rate": 0.01}, "keras.optimizers.RMSprop(0.01)"),
            (
                {"optimizer": "sgd", "learning_rate": "CosineDecay(0.5, 4)"},
                "keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.5, 4))",
            ),
            ({"optimizer": "sgd", "learning_rate": lambda step: 0.5 / (step + 1)}, "INVERSE"),
            ({"optimizer": "SGD(0.5, use_ema=True)"}, "keras.optimizers.SGD(0.5, use_ema=True)"),
            ({"optimizer": "SGD(0.5)", "clip_norm": 0.1}, "keras.optimizers.SGD(0.5, global_clipnorm=0.1)"),
        ],
    )
    def test_give_the_weights_that_keras_gives(
        self, lab: Lab, softmax: str, settings: dict[str, Any], keras: str
    ) -> None:
        inverse = "keras.optimizers.SGD(keras.optimizers.schedules.InverseTimeDecay(0.5, 1, 1.0))"
        expected = by_keras(lab, softmax, "digits", keras.replace("INVERSE", inverse), 3)
        assert same(trained(lab, softmax, **ONE, **WHOLE, **settings), expected)

    def test_objects_of_both_keras(self, lab: Lab, softmax: str) -> None:
        import keras
        import tf_keras

        expected = by_keras(lab, softmax, "digits", "keras.optimizers.SGD(0.25, momentum=0.5, nesterov=True)", 3)
        for library in (keras, tf_keras):
            optimizer = library.optimizers.SGD(0.25, momentum=0.5, nesterov=True)
            assert same(trained(lab, softmax, **ONE, **WHOLE, optimizer=optimizer), expected)
        rate = keras.optimizers.schedules.ExponentialDecay(0.25, 1000, 1.0)
        optimizer = tf_keras.optimizers.SGD(0.1, momentum=0.5, nesterov=True)
        assert same(trained(lab, softmax, **ONE, **WHOLE, optimizer=optimizer, learning_rate=rate), expected)

    def test_clipping_is_of_the_sum_over_ranks(self, lab: Lab, softmax: str) -> None:
        expected = by_keras(lab, softmax, "digits", "keras.optimizers.SGD(0.5, global_clipnorm=0.1)", 3)
        assert same(trained(lab, softmax, **TWO, **WHOLE, optimizer="SGD(0.5)", clip_norm=0.1), expected)

    @pytest.mark.parametrize("layout", [ONE, TWO, AVERAGING])
    def test_the_rate_of_the_last_step_is_told(self, lab: Lab, softmax: str, layout: dict[str, Any]) -> None:
        heard: list[Any] = []
        stop = lab.events.subscribe(heard.append, RunProgress)
        lab.train(softmax, "digits", **layout, **WHOLE, learning_rate="PolynomialDecay(0.1, 2, 0.02)")
        assert {round(event.learning_rate, 6) for event in heard} == {0.1, 0.06, 0.02}
        heard.clear()
        lab.train(softmax, "digits", **layout, **WHOLE, learning_rate=0.25)
        stop()
        assert {event.learning_rate for event in heard} == {0.25}

    def test_a_schedules_rate_is_in_the_history(self, lab: Lab, softmax: str) -> None:
        run = lab.train(softmax, "digits", **ONE, **WHOLE, learning_rate="PolynomialDecay(0.1, 2, 0.02)")
        assert run.history["learning_rate"] == pytest.approx([0.1, 0.06, 0.02])
        assert "learning_rate" not in lab.train(softmax, "digits", **ONE, epochs=1).history

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"optimizer": "SGDD(momentum=0.9)"}, r"no optimizer 'SGDD': did you mean 'SGD'\?$"),
            ({"optimizer": "SGD(lr=0.5)"}, "The optimizer SGD has lr=0.5, which Keras drops: say learning_rate="),
            (
                {"callbacks": "ReduceLROnPlateau(cooldwn=3)"},
                "ReduceLROnPlateau has cooldwn=3, which Keras drops: it takes",
            ),
            ({"callbacks": "EarlyStopping(mode='least')"}, "EarlyStopping has mode='least', which Keras drops: say"),
            ({"optimizer": "SGD(momentun=0.9)"}, "The optimizer SGD can't be made so: momentun is not a valid"),
            ({"learning_rate": "CosinDecay(0.1, 10)"}, "no learning rate 'CosinDecay': did you mean 'CosineDecay'"),
            ({"learning_rate": "CosineDecay(0.1)"}, "CosineDecay can't be made so: .*decay_steps"),
            ({"learning_rate": "-0.1"}, "--learning-rate is -0.1, but must be greater than 0"),
            ({"optimizer": lambda: None}, "The optimizer is a function: give one of tf_keras.optimizers"),
            ({"optimizer": "SGD(clipnorm=1.0)", "clip_norm": 0.1}, "clips gradients itself: leave --clip-norm out"),
        ],
    )
    def test_bad_ones_are_refused(self, lab: Lab, softmax: str, settings: dict[str, Any], message: str) -> None:
        refuses(lab, softmax, settings, message)

    def test_a_setting_of_keras3_alone(self, lab: Lab, softmax: str) -> None:
        import keras

        optimizer = keras.optimizers.SGD(gradient_accumulation_steps=4)
        refuses(lab, softmax, {"optimizer": optimizer}, "gradient_accumulation_steps=4, which can't be used here")


def refuses(lab: Lab, model: str, settings: dict[str, Any], message: str, data: str = "digits") -> None:
    """Assert that a training is refused in one line before any work."""
    before = lab.run.names()
    with pytest.raises(InputError, match=message) as caught:
        lab.train(model, data, **settings)
    assert "\n" not in str(caught.value)
    assert lab.run.names() == before


def twice(y_true: Any, y_pred: Any) -> Any:
    import tf_keras

    return 2 * tf_keras.losses.sparse_categorical_crossentropy(y_true, y_pred)


def one_for_two(y_true: Any, y_pred: Any) -> Any:
    return y_pred[:2, 0]


def dice(y_true: Any, y_pred: Any) -> Any:
    """One number for all rows."""
    import tensorflow as tf

    truth = tf.one_hot(tf.cast(tf.reshape(y_true, (-1,)), tf.int32), 10)
    return 1 - 2 * tf.reduce_sum(truth * y_pred) / (tf.reduce_sum(truth) + tf.reduce_sum(y_pred))


def broken(y_true: Any, y_pred: Any) -> Any:
    raise ValueError("this loss is not finished")


class TestLosses:
    def test_of_classes_are_the_same_by_numbers_and_one_hot(self, lab: Lab, softmax: str) -> None:
        expected = trained(lab, softmax, **ONE, **WHOLE)
        assert same(trained(lab, softmax, **ONE, **WHOLE, loss="categorical_crossentropy"), expected)
        text = trained(lab, softmax, **TWO, **WHOLE, loss="CategoricalCrossentropy(label_smoothing=0.2)")
        assert not same(text, expected)
        import keras

        smoothing = keras.losses.CategoricalCrossentropy(label_smoothing=0.2)
        assert same(trained(lab, softmax, **ONE, **WHOLE, loss=smoothing), text)

    def test_of_ones_own(self, lab: Lab, softmax: str) -> None:
        import tf_keras

        class Scaled(tf_keras.losses.Loss):  # type: ignore[misc]  # tf_keras is untyped
            def __init__(self, factor: float = 1.0, **settings: Any) -> None:
                super().__init__(**settings)
                self.factor = factor

            def call(self, y_true: Any, y_pred: Any) -> Any:
                return self.factor * tf_keras.losses.sparse_categorical_crossentropy(y_true, y_pred)

        settings = {"optimizer": "sgd", **WHOLE}
        expected = trained(lab, softmax, **ONE, **settings, learning_rate=0.2)
        assert same(trained(lab, softmax, **TWO, **settings, learning_rate=0.1, loss=twice), expected)
        assert same(trained(lab, softmax, **ONE, **settings, learning_rate=0.05, loss=Scaled(4.0)), expected)

    def test_that_fail(self, lab: Lab, softmax: str) -> None:
        refuses(
            lab, softmax, {"loss": one_for_two}, r"The loss 'one_for_two' gives the shape \(2,\) for 13 rows: it must"
        )
        refuses(lab, softmax, {"loss": "categorical_crossentropi"}, "did you mean 'categorical_crossentropy'")
        refuses(lab, softmax, {"loss": "Huber(delta=1, gamma=3)"}, "The loss Huber can't be made so: .*gamma")
        refuses(
            lab, softmax, {"loss": "binary_crossentropy"}, "labels, which are classes.*sparse_categorical_crossentropy"
        )
        before = lab.run.names()
        with pytest.raises(UserCodeError, match="The loss 'broken' raised ValueError: this loss") as caught:
            lab.train(softmax, "digits", loss=broken)
        assert "in broken" in caught.value.user_traceback
        assert lab.run.names() == before


LINEAR = """
def build(input_shape, num_classes):
    ones = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    return keras.Sequential([keras.Input(input_shape), ones])
"""


def squared(library: Any, **settings: Any) -> Any:
    """A loss of one's own, of either Keras, with a setting that no `get_config` tells."""

    class Squared(library.losses.Loss):  # type: ignore[misc]  # Keras is untyped
        def __init__(self, power: int, **settings: Any) -> None:
            super().__init__(**settings)
            self.power = power

        def call(self, y_true: Any, y_pred: Any) -> Any:
            return ((y_true - y_pred) ** self.power)[:, 0]

    return Squared(2, **settings)


ROW, LABEL = np.array([1.0, 0.5], np.float32), 3.0


def own_crossentropy(y_true: Any, y_pred: Any) -> Any:
    """What a loss of one's own for one-hot labels looks like."""
    import tensorflow as tf

    return -tf.reduce_sum(y_true * tf.math.log(y_pred + 1e-7), axis=-1)


def own_distance(y_true: Any, y_pred: Any) -> Any:
    import tensorflow as tf

    return tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)


@pytest.fixture(scope="module")
def linear(lab: Lab) -> str:
    """Ten rows that are the same, so that their order doesn't matter, and a model of two weights."""
    rows = (np.tile(ROW, (12, 1)), np.full(12, LABEL))
    lab.data.load(rows, name="alike", test_share=1 / 6, task="regression")
    lab.model.new("linear", data="alike", builder=LINEAR)
    return "linear"


class TestCompiled:
    @pytest.mark.parametrize(("library", "where"), [("keras", TWO), ("tf_keras", ONE)])
    def test_weight_decay_and_averages_are_those_of_its_keras(
        self, lab: Lab, linear: str, library: str, where: dict[str, Any]
    ) -> None:
        keras = importlib.import_module(library)
        ones = keras.layers.Dense(1, kernel_initializer="ones", bias_initializer="ones", name="last")
        model = keras.Sequential([keras.Input((2,)), ones], name=f"decayed_by_{library}")
        optimizer = keras.optimizers.AdamW(0.1, weight_decay=0.5, use_ema=True, ema_momentum=0.5)
        optimizer.exclude_from_weight_decay(var_names=["bias"])
        model.compile(optimizer, "mse")
        lab.train(model, "alike", epochs=3, batch_size=100, **where)
        model.fit(np.tile(ROW, (10, 1)), np.full((10, 1), LABEL), batch_size=10, epochs=3, verbose=0)
        assert same(weights(lab, model.name), model.get_weights())
        apart = keras.optimizers.AdamW(0.1, weight_decay=0.5)
        apart.exclude_from_weight_decay(var_names=["bias"])
        refuses(lab, linear, {"optimizer": apart}, "excludes variables from weight decay.*compile", "alike")

    @pytest.mark.parametrize("library", ["keras", "tf_keras"])
    def test_steps_of_nadam_are_those_of_keras3(self, lab: Lab, library: str) -> None:
        """tf_keras's own Nadam takes others in a graph: it multiplies momenta once for each variable."""

        x, y = np.random.default_rng(0).normal(size=(2, 12, 6)).astype("float32")
        lab.data.load({"x_train": x, "y_train": y[:, :1], "x_test": x, "y_test": y[:, :1]}, name="few")
        models = {}
        for each in {library, "keras"}:
            own = importlib.import_module(each)
            hidden = own.layers.Dense(8, activation="tanh")
            model = own.Sequential([own.Input((6,)), hidden, own.layers.Dense(1)], name=f"by_{each}")
            model.compile(own.optimizers.Nadam(0.02), "mse")
            models[each] = model
        models[library].set_weights(models["keras"].get_weights())
        lab.train(models[library], "few", epochs=5, batch_size=12, **ONE)
        models["keras"].fit(x, y[:, :1], batch_size=12, epochs=5, shuffle=False, verbose=0)
        assert same(weights(lab, models[library].name), models["keras"].get_weights())

    @pytest.mark.parametrize(("library", "size"), [("keras", 8), ("keras", 6), ("tf_keras", 6)])
    def test_variances_are_those_of_its_keras(self, lab: Lab, library: str, size: int) -> None:
        """Of a batch normalisation of pictures: one of them is of a single place, the other of nine."""
        own = importlib.import_module(library)
        x = np.random.default_rng(0).normal(size=(8, 8, 8, 2)).astype("float32")
        y = np.random.default_rng(1).normal(size=(8, 1)).astype("float32")
        lab.data.load({"x_train": x, "y_train": y, "x_test": x, "y_test": y}, name="pictures")
        layers = [own.layers.Conv2D(4, size), own.layers.BatchNormalization(momentum=0.1), own.layers.Flatten()]
        name = f"normal_{library}_{size}"
        model = own.Sequential([own.Input((8, 8, 2)), *layers, own.layers.Dense(1)], name=name)
        model.compile(own.optimizers.SGD(0.01), "mse")
        lab.train(model, "pictures", epochs=3, batch_size=8, **ONE)
        model.fit(x, y, batch_size=8, epochs=3, verbose=0)
        assert same(weights(lab, name), model.get_weights())

    @pytest.mark.parametrize("library", ["keras", "tf_keras"])
    def test_metrics_at_positions_are_those_of_its_keras(self, lab: Lab, library: str) -> None:
        own = importlib.import_module(library)
        x = np.random.default_rng(0).normal(size=(48, 7, 4)).astype("float32")
        y = np.random.default_rng(1).integers(0, 3, (48, 7))
        lab.data.load({"x_train": x, "y_train": y, "x_test": x, "y_test": y}, name="tagged")
        metrics = [
            own.metrics.MeanIoU(3, sparse_y_pred=False, name="miou"),
            own.metrics.SparseTopKCategoricalAccuracy(2, name="top2"),
            own.metrics.SparseCategoricalCrossentropy(name="entropy"),
        ]
        model = own.Sequential([own.Input((7, 4)), own.layers.Dense(3, activation="softmax")], name=f"tagger_{library}")
        own_weighted = own.metrics.SparseCategoricalAccuracy(name="weighted")
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=metrics, weighted_metrics=[own_weighted])
        run = lab.train(model, "tagged", epochs=1, batch_size=16, **ONE)
        model.set_weights(lab.model.weights(model.name))
        expected = model.evaluate(x, y, verbose=0, return_dict=True)
        found = {name: run.metrics[f"test_{name}"] for name in expected}
        assert found == pytest.approx(expected, rel=1e-4)

    @pytest.mark.parametrize(
        ("library", "activation", "loss", "rows"),
        [
            ("keras", "sigmoid", "binary_crossentropy", (6,)),
            ("tf_keras", "softmax", "mse", (6,)),
            ("tf_keras", "softmax", own_crossentropy, (6,)),
            ("keras", "softmax", own_crossentropy, (5, 6)),
        ],
    )
    def test_one_hot_labels_reach_any_loss_as_they_came(
        self, lab: Lab, library: str, activation: str, loss: Any, rows: tuple[int, ...]
    ) -> None:
        own = importlib.import_module(library)
        random = np.random.default_rng(0)
        x = random.normal(size=(48, *rows)).astype("float32")
        y = np.eye(3, dtype="float32")[random.integers(0, 3, (48, *rows[:-1]))]
        lab.data.load({"x_train": x, "y_train": y, "x_test": x, "y_test": y}, name="marked")
        name = f"marked_{library}_{activation}_{len(rows)}"
        model = own.Sequential([own.Input(rows), own.layers.Dense(3, activation=activation)], name=name)
        model.compile("sgd", loss, metrics=["accuracy", own_distance])
        run = lab.train(model, "marked", epochs=2, batch_size=48, **ONE)
        model.fit(x, y, epochs=2, batch_size=48, verbose=0)
        assert same(weights(lab, name), model.get_weights())
        told = model.evaluate(x, y, verbose=0, return_dict=True)
        found = {key: run.metrics[f"test_{key}"] for key in ("loss", "accuracy", "own_distance")}
        assert found == pytest.approx({key: told[key] for key in found}, rel=1e-4)
        lab.data.load({"x_train": x, "y_train": y.argmax(-1)}, name="counted")
        if isinstance(loss, str):
            refuses(lab, name, {}, "labels, which are classes.*load them one-hot for others|fails on such", "counted")

    def test_that_it_learns_nothing_is_told(self, lab: Lab, linear: str) -> None:
        import keras

        fixed = keras.layers.Dense(1, trainable=False)
        model = keras.Sequential([keras.Input((2,)), fixed], name="fixed")
        assert any("no trainable weights" in note for note in lab.train(model, "alike", epochs=1, **ONE).notes)

    def test_to_run_eagerly_is_told(self, lab: Lab, linear: str) -> None:
        import tf_keras

        def by_numpy(y_true: Any, y_pred: Any) -> Any:
            return (y_true - y_pred)[:, 0] * float(y_pred.numpy().sum())

        model = tf_keras.Sequential([tf_keras.Input((2,)), tf_keras.layers.Dense(1)], name="eager")
        model.compile("sgd", "mse", run_eagerly=True)
        assert any("run_eagerly=True" in note for note in lab.train(model, "alike", epochs=1, **ONE).notes)
        model.compile("sgd", by_numpy, run_eagerly=True)
        with pytest.raises(UserCodeError, match="it runs eagerly only, and steps run as graphs"):
            lab.train(model, "alike")


class TestReductions:
    RATE = 0.01

    def after(self, *steps: int) -> tuple[Any, float]:
        """The weights, and the loss as Keras tells it, of steps with so many rows that learn from the rows' sum."""
        weights, told = np.ones(2, np.float32), 0.0
        for rows in steps:
            error = weights @ ROW - LABEL
            told += rows * rows * error**2
            weights = weights - self.RATE * rows * 2 * error * ROW
        return weights, told / sum(steps)

    @pytest.mark.parametrize(
        ("where", "batch_size", "steps"),
        [
            (ONE, 100, (10,)),
            *((where, 4, (4, 4, 2)) for where in (TWO, AVERAGING | {"every": 1}, ONE | {"accumulate": 2})),
        ],
    )
    def test_a_sum_is_of_the_steps_real_rows(
        self, lab: Lab, linear: str, where: dict[str, Any], batch_size: int, steps: tuple[int, ...]
    ) -> None:
        settings = {"optimizer": "sgd", "learning_rate": self.RATE, "epochs": 1, "batch_size": batch_size, **where}
        run = lab.train(linear, "alike", loss="MeanSquaredError(reduction='sum')", **settings)
        expected, told = self.after(*steps)
        assert weights(lab, linear)[0][:, 0] == pytest.approx(expected, rel=1e-5)
        if where["strategy"] != "averaging":  # whose ranks have losses of their own
            assert run.history["loss"] == pytest.approx([told], rel=1e-5)

    @pytest.mark.parametrize(
        ("library", "reduction", "factor"),
        [("keras", "sum", 1), ("tf_keras", "none", 1), ("keras", "sum_over_batch_size", 0.25)],
    )
    def test_of_objects(self, lab: Lab, linear: str, library: str, reduction: str, factor: float) -> None:
        keras = importlib.import_module(library)
        numbers = {"epochs": np.int64(1), "batch_size": np.int64(4), "learning_rate": np.float64(self.RATE / factor)}
        settings = {"optimizer": "sgd", **numbers, **ONE}
        expected = self.after(4, 4, 2)[0] if factor == 1 else None
        for loss in (keras.losses.MeanSquaredError(reduction=reduction), squared(keras, reduction=reduction)):
            lab.train(linear, "alike", loss=loss, **settings)
            found = weights(lab, linear)[0][:, 0]
            expected = found if expected is None else expected
            assert found == pytest.approx(expected, rel=1e-5)

    def test_one_that_no_step_does(self, lab: Lab, linear: str) -> None:
        import keras

        loss = keras.losses.MeanSquaredError(reduction="mean_with_sample_weight")
        refuses(lab, linear, {"loss": loss}, "has reduction='mean_with_sample_weight', which can't be used", "alike")


class TestSoftLabels:
    @pytest.fixture(scope="class")
    def soft(self, lab: Lab) -> str:
        """Rows whose labels are the probabilities of three classes."""
        random = np.random.default_rng(0)
        rows, shares = random.normal(size=(40, 4)).astype(np.float32), random.random((40, 3))
        lab.data.load((rows, (shares / shares.sum(1, keepdims=True)).astype(np.float32)), name="soft", test_share=0.25)
        return "soft"

    @pytest.mark.parametrize("loss", ["categorical_crossentropy", "kl_divergence"])
    def test_are_learnt_as_by_keras(self, lab: Lab, soft: str, loss: str) -> None:
        import tf_keras

        layer = tf_keras.layers.Dense(3, activation="softmax")
        model = tf_keras.Sequential([tf_keras.Input((4,)), layer], name=f"by_{loss}")
        model.compile(tf_keras.optimizers.SGD(0.5), loss, metrics=["accuracy", "crossentropy"])
        run = lab.train(model, soft, epochs=3, batch_size=100, **ONE)
        assert "evaluate measures them as numbers" in " ".join(run.notes)
        model.fit(*rows_of(lab, soft, "train"), batch_size=100, epochs=3, verbose=0)
        assert same(weights(lab, model.name), model.get_weights())
        told = model.evaluate(*rows_of(lab, soft, "test"), verbose=0, return_dict=True)
        assert run.metrics["test_categorical_crossentropy"] == pytest.approx(told.pop("crossentropy"), rel=1e-5)
        assert [run.metrics[f"test_{name}"] for name in told] == pytest.approx(list(told.values()), rel=1e-5)
        assert lab.evaluate(model.name).metrics["mae"] == pytest.approx(run.metrics["test_mae"], rel=1e-5)

    def test_that_are_none(self, lab: Lab, soft: str, linear: str) -> None:
        refuses(lab, linear, {"loss": "categorical_crossentropy"}, "doesn't fit the labels, which are numbers", "alike")
        builder = LINEAR.replace("Dense(1", "Dense(3")
        lab.model.new("logits", data=soft, builder=builder)
        loss = "CategoricalCrossentropy(from_logits=True)"
        refuses(lab, "logits", {"loss": loss}, "answers with logits by the loss .*: end it with softmax", soft)


SIGMOID = """
def build(input_shape, num_classes):
    return keras.Sequential([keras.Input(input_shape), keras.layers.Dense(1, activation="sigmoid")])
"""


@pytest.fixture(scope="module")
def halves(lab: Lab) -> str:
    """Two classes, and a model that tells them apart by one number."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(300, 3)).astype(np.float32)
    names = np.where(rows[:, 0] + rows[:, 1] > 0, "yes", "no")
    lab.data.load((rows, names), name="halves", test_share=0.3)
    lab.model.new("sigmoid", data="halves", builder=SIGMOID)
    return "halves"


class TestTwoClasses:
    @pytest.mark.parametrize("where", [ONE, TWO])
    def test_one_sigmoid_output_learns(self, lab: Lab, halves: str, where: dict[str, Any]) -> None:
        run = lab.train("sigmoid", halves, epochs=8, batch_size=16, learning_rate=0.1, metrics="auc,precision", **where)
        assert run.metrics["test_accuracy"] > 0.9
        assert run.metrics["test_auc"] > 0.95
        again = lab.evaluate("sigmoid").metrics
        assert again["accuracy"] == pytest.approx(run.metrics["test_accuracy"], abs=1e-6)
        assert again["loss"] == pytest.approx(run.metrics["test_loss"], abs=1e-4)

    def test_losses_that_do_not_fit(self, lab: Lab, halves: str) -> None:
        refuses(lab, "sigmoid", {"loss": "sparse_categorical_crossentropy"}, "take binary_crossentropy", halves)
        assert lab.train("sigmoid", halves, epochs=1, loss="BinaryFocalCrossentropy(gamma=2)", **ONE).state == "done"


class TestNumbers:
    def test_losses_and_metrics(self, lab: Lab) -> None:
        rows = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
        lab.data.load((rows, rows @ np.array([1, -2, 0.5], np.float32)), name="plane", test_share=0.2)
        lab.model.new("plane", data="plane", kind="mlp", num_layers=1)
        run = lab.train(
            "plane", "plane", epochs=6, learning_rate=0.05, loss="Huber(delta=0.5)", metrics="mse,mape,mae", **TWO
        )
        assert set(run.metrics) == {"test_loss", "test_mae", "test_mse", "test_mape"}
        assert run.metrics["test_mae"] < 0.5
        assert lab.evaluate("plane").metrics["mse"] == pytest.approx(run.metrics["test_mse"], rel=1e-4)
        refuses(lab, "plane", {"loss": "sparse_categorical_crossentropy"}, "labels, which are numbers", "plane")
        refuses(lab, "plane", {"class_weight": "balanced"}, "--class-weight is for classes", "plane")


def right(y_true: Any, y_pred: Any) -> Any:
    """The accuracy once more."""
    import tensorflow as tf

    return tf.cast(tf.equal(tf.cast(y_true, tf.int64), tf.argmax(y_pred, -1)), tf.float32)


METRICS = "auc,precision,Recall(class_id=3),TopKCategoricalAccuracy(k=2),mse"
THEIRS = """[keras.metrics.AUC(name="auc"), keras.metrics.Precision(name="precision"),
    keras.metrics.Recall(class_id=3, name="recall"),
    keras.metrics.TopKCategoricalAccuracy(k=2, name="top_k_categorical_accuracy"), "mse"]"""


class TestMetrics:
    @pytest.mark.parametrize("where", [ONE, TWO, AVERAGING], ids=["one", "two", "averaging"])
    def test_are_what_keras_says_of_the_same_rows(self, lab: Lab, softmax: str, where: dict[str, Any]) -> None:
        lab.train(softmax, "digits", epochs=3, learning_rate=0.01, **ONE)
        # Learns next to nothing, so that what is counted while it trains is of one and the same model.
        run = lab.train(
            softmax,
            "digits",
            epochs=2,
            warm_start=True,
            batch_size=100,
            optimizer="sgd",
            learning_rate=1e-9,
            metrics=METRICS,
            **where,
        )
        file = lab.model.show(softmax).file
        train, test = (judged_by_keras(lab, file, "digits", split, THEIRS) for split in ("train", "test"))
        assert set(test) == {name.removeprefix("test_") for name in run.metrics}
        for name, value in test.items():
            assert run.metrics[f"test_{name}"] == pytest.approx(value, abs=1e-5)
            assert run.history[name] == pytest.approx([train[name]] * 2, abs=1e-5)

    def test_of_ones_own(self, lab: Lab, softmax: str) -> None:
        import keras
        import tensorflow as tf
        import tf_keras

        class Rows(tf_keras.metrics.Metric):  # type: ignore[misc]  # tf_keras is untyped
            def __init__(self, name: str = "rows", **settings: Any) -> None:
                super().__init__(name=name, **settings)
                self.count = self.add_weight("count", initializer="zeros")

            def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
                self.count.assign_add(tf.reduce_sum(sample_weight))

            def result(self) -> Any:
                return self.count

        class Limited(Rows):
            def __init__(self, limit: int) -> None:
                super().__init__()
                self.limit = limit

        class Unweighted(Rows):
            def update_state(self, y_true: Any, y_pred: Any) -> None:
                pass

        metrics = [right, Rows(), keras.metrics.AUC(curve="PR"), "auc"]
        run = lab.train(softmax, "digits", epochs=2, batch_size=99, validation=0.2, metrics=metrics, **TWO)
        assert run.history["right"] == pytest.approx(run.history["accuracy"])
        assert run.history["rows"] == run.history["examples"]
        assert run.history["val_rows"] == (288, 288)
        assert {"auc", "auc_1", "val_auc", "val_auc_1"} < set(run.history)
        refuses(lab, softmax, {"metrics": Limited(3)}, "Limited takes 'limit', but has no get_config")
        refuses(lab, softmax, {"metrics": Unweighted}, "must take update_state.y_true, y_pred, sample_weight=None")

    def test_that_can_not_be_used(self, lab: Lab, softmax: str) -> None:
        refuses(lab, softmax, {"metrics": "auc,precisoin"}, "no metric 'precisoin': did you mean 'Precision'")
        refuses(lab, softmax, {"metrics": "AUC(curv='PR')"}, "The metric AUC can't be made so: .*curv")
        refuses(lab, softmax, {"metrics": "f1_score"}, r"shape \(10,\): use one that gives a single number")
        refuses(lab, softmax, {"metrics": one_for_two}, r"'one_for_two' gives the shape \(2,\) for 13 rows")
        with pytest.raises(UserCodeError, match="The metric 'broken' raised ValueError"):
            lab.train(softmax, "digits", metrics=broken)


class TestRows:
    def test_class_weights_are_those_of_keras(self, lab: Lab, softmax: str) -> None:
        expected = by_keras(
            lab,
            softmax,
            "digits",
            "keras.optimizers.SGD(0.5)",
            3,
            class_weight={3: 5.0, 7: 0.0} | dict.fromkeys((0, 1, 2, 4, 5, 6, 8, 9), 1.0),
        )
        settings: dict[str, Any] = {"optimizer": "SGD(0.5)", **WHOLE}
        for given in ({"3": 5, "7": 0}, {3: 5.0, np.int64(7): 0}, "3=5,7=0"):
            assert same(trained(lab, softmax, class_weight=given, **TWO, **settings), expected)
        _, y = rows_of(lab, "digits", "train")
        counts = np.bincount(y)
        balanced = {i: len(y) / (10 * count) for i, count in enumerate(counts)}
        one = trained(lab, softmax, class_weight="balanced", **ONE, **settings)
        assert same(one, by_keras(lab, softmax, "digits", "keras.optimizers.SGD(0.5)", 3, class_weight=balanced))

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"x": 2}, "no class 'x'"),
            ({10: 2}, "no class '10'"),
            ({3: -1}, "weight of the class '3' is -1"),
            ({3: "much"}, "give 'balanced', a dict of weights"),
            ("balance", "give 'balanced', a dict of weights"),
            (3, "give 'balanced', a dict of weights"),
        ],
    )
    def test_bad_class_weights(self, lab: Lab, softmax: str, given: Any, message: str) -> None:
        refuses(lab, softmax, {"class_weight": given}, message)

    @pytest.mark.parametrize("where", [ONE, TWO])
    def test_validation_rows_are_not_learnt_from(self, lab: Lab, where: dict[str, Any]) -> None:
        """Targets 1/2, 1, 2, 4, ... and answers that stay 0: the mean error says exactly which rows were seen where."""
        rows = np.arange(20, dtype=np.float32)[:, None]
        lab.data.load((rows, (2.0 ** np.arange(-1, 19)).astype(np.float32)), name="held", test_share=0)
        layers = "keras.layers.Dense(b, kernel_initializer='zeros')"
        lab.model.new("zero", data="held", builder=sequential(layers))
        run = lab.train(
            "zero", "held", epochs=2, batch_size=3, optimizer="sgd", learning_rate=1e-12, validation=0.25, **where
        )
        assert run.history["examples"] == (15, 15)
        seen = [round(2 * 15 * mean) for mean in run.history["mae"]]
        held = [round(2 * 5 * mean) for mean in run.history["val_mae"]]
        assert seen[0] == seen[1]
        assert held[0] == held[1] == 2**20 - 1 - seen[0]
        assert (seen[0].bit_count(), held[0].bit_count()) == (15, 5)

    @pytest.mark.parametrize(("batch_size", "parts", "where"), [(64, 4, ONE), (50, 7, TWO), (10, 16, TWO)])
    def test_accumulated_steps_are_the_same_steps(
        self, lab: Lab, softmax: str, batch_size: int, parts: int, where: dict[str, Any]
    ) -> None:
        settings: dict[str, Any] = {"batch_size": batch_size, "epochs": 1, "optimizer": "SGD(0.05)"}
        whole = trained(lab, softmax, **ONE, **settings)
        assert same(trained(lab, softmax, **where, **settings, accumulate=parts), whole)


class TestPrecision:
    def test_bfloat16(self, lab: Lab) -> None:
        lab.model.new("half", data="digits", kind="cnn", hidden_size=16)
        run = lab.train("half", "digits", epochs=4, learning_rate=0.005, precision="mixed_bfloat16", **TWO)
        assert run.metrics["test_accuracy"] > 0.8
        assert all(w.dtype == np.float32 for w in weights(lab, "half"))
        assert forkserver.call(f"{__name__}:policies", {"file": lab.model.show("half").file}) == {"float32"}
        assert lab.evaluate("half").metrics["accuracy"] == pytest.approx(run.metrics["test_accuracy"], abs=0.02)
        refuses(
            lab, "half", {"precision": "mixed_float16"}, "needs a GPU, but the cluster has none: use mixed_bfloat16"
        )
        refuses(lab, "half", {"precision": "float64"}, "no precision 'float64'")


def policies(file: Any) -> set[str]:
    """In what the layers of a file's model compute."""
    import tf_keras

    return {layer.dtype_policy.name for layer in tf_keras.models.load_model(file, compile=False).layers}


LAYERS = {
    "l2": "keras.layers.Flatten(), keras.layers.Dense(16, activation='relu', kernel_regularizer='l2', "
    "activity_regularizer=None), keras.layers.Dense(b, activation='softmax', bias_regularizer='l1')",
    "lstm": "keras.layers.Reshape((8, 8)), keras.layers.LSTM(8), keras.layers.Dense(b, activation='softmax')",
    "embedding": "keras.layers.Flatten(), keras.layers.Embedding(20, 4), keras.layers.Flatten(), "
    "keras.layers.Dense(b, activation='softmax')",
    "nested": "keras.Sequential([keras.Input(a), keras.layers.Conv2D(4, 3), keras.layers.Flatten()]), "
    "keras.layers.Dense(b, activation='softmax')",
}
NOISY = {
    "dropout": "keras.layers.Flatten(), keras.layers.Dense(32, activation='relu'), keras.layers.Dropout(0.3), "
    "keras.layers.Dense(b, activation='softmax')",
    "norm": "keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization(), keras.layers.Flatten(), "
    "keras.layers.Dense(b, activation='softmax')",
    "lstm_dropout": "keras.layers.Reshape((8, 8)), keras.layers.LSTM(8, dropout=0.2, recurrent_dropout=0.1), "
    "keras.layers.Dense(b, activation='softmax')",
}
SKIP = """
def build(input_shape, num_classes):
    rows = keras.Input(input_shape)
    left = keras.layers.Conv2D(4, 3, padding="same")(rows / 16)
    right = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(left)
    both = keras.layers.Add()([left, right])
    return keras.Model(rows, keras.layers.Dense(num_classes, activation="softmax")(keras.layers.Flatten()(both)))
"""


def sequential(layers: str) -> str:
    return f"def build(a, b):\n    return keras.Sequential([keras.Input(a), {layers}])\n"


class TestLayers:
    @pytest.mark.parametrize("name", [*LAYERS, "skip"])
    def test_one_rank_and_two_end_with_the_same_weights(self, lab: Lab, name: str) -> None:
        lab.model.new(name, data="digits", builder=sequential(LAYERS[name]) if name in LAYERS else SKIP)
        one, two = (trained(lab, name, **where, batch_size=50, learning_rate=0.001) for where in (ONE, TWO))
        assert same(one, two, 2e-5)

    @pytest.mark.parametrize(("name", "where"), [("dropout", TWO), ("norm", TWO), ("lstm_dropout", ONE)])
    def test_noisy_ones_learn_and_come_again(self, lab: Lab, name: str, where: dict[str, Any]) -> None:
        lab.model.new(name, data="digits", builder=sequential(NOISY[name]))
        run = lab.train(name, "digits", epochs=2, learning_rate=0.003, **where)
        assert run.history["loss"][1] < run.history["loss"][0]
        first = weights(lab, name)
        assert same(trained(lab, name, learning_rate=0.003, **where), first, 0)

    def test_a_regulariser_weighs_as_in_keras(self, lab: Lab) -> None:
        lab.model.new("l2", data="digits", builder=sequential(LAYERS["l2"]))
        expected = by_keras(lab, "l2", "digits", "keras.optimizers.SGD(0.01)", 3)
        for where in (ONE, TWO):
            assert same(trained(lab, "l2", **where, **WHOLE, optimizer="SGD(0.01)"), expected)
        assert same(trained(lab, "l2", **TWO, **WHOLE, optimizer="SGD(0.01)", accumulate=3), expected)

    @pytest.mark.parametrize("where", [ONE, TWO, {**ONE, "accumulate": 2}])
    def test_the_loss_that_is_shown_has_the_regularisers_as_in_keras(self, lab: Lab, where: dict[str, Any]) -> None:
        import tf_keras

        layers = tf_keras.layers
        model = tf_keras.Sequential(
            [tf_keras.Input((3,)), layers.Dense(4, kernel_regularizer="l2", activity_regularizer="l1"), layers.Dense(1)]
        )
        model.compile("sgd", "mse")
        x = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
        held = {"x_train": x[:40], "y_train": x[:40, 0], "x_test": x[40:], "y_test": x[40:, 0]}
        lab.data.load(held, name="shown")
        lab.model.add(model, name="shown")
        run = lab.train("shown", "shown", batch_size=40, epochs=3, **where)
        history = model.fit(x[:40], x[:40, 0], batch_size=40, epochs=3, verbose=0).history
        assert run.history["loss"] == pytest.approx(history["loss"], rel=1e-5)
        # rows that fill a step of evaluation up count in an activity's regulariser
        assert run.metrics["test_loss"] == pytest.approx(model.evaluate(x[40:], x[40:, 0], verbose=0), rel=1e-3)


@pytest.mark.parametrize("library", ["tf_keras", "keras"])
@pytest.mark.parametrize("metrics", [{}, {"metrics": ["accuracy"]}])
def test_a_weighted_accuracy_is_called_as_in_keras(lab: Lab, library: str, metrics: dict[str, Any]) -> None:
    keras = importlib.import_module(library)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"], **metrics)
    chance = np.random.default_rng(1)
    x, y, w = chance.normal(size=(60, 3)), chance.integers(0, 3, 60), chance.random(60) * 3
    lab.data.load((x, y, w), name="weighing", test_share=0)
    lab.model.add(model, name=f"weighing-{library}")
    run = lab.train(f"weighing-{library}", "weighing", batch_size=60, epochs=2, **ONE)
    shown = model.fit(x, y, sample_weight=w, batch_size=60, epochs=2, verbose=0).history
    weighted = "weighted_accuracy" if metrics else "accuracy"
    values = shown.get(weighted) or next(value for name, value in shown.items() if name.startswith("accuracy_"))
    assert run.history[weighted] == pytest.approx(values)
    assert run.history["accuracy"] == pytest.approx(shown["accuracy"])
    assert any("The loss shown counts every row once" in note for note in run.notes)


@pytest.mark.parametrize("loss", ["mse", None])
def test_the_loss_of_add_loss_counts_as_in_keras(lab: Lab, loss: str | None) -> None:
    import tf_keras

    rows = tf_keras.Input((3,))
    hidden = tf_keras.layers.Dense(4)(rows)
    model = tf_keras.Model(rows, tf_keras.layers.Dense(1)(hidden))
    model.add_loss(5.0 * tf_keras.backend.mean(hidden**2))
    model.compile("sgd", loss)
    x = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    lab.data.load((x, x[:, 0]), name="spread")
    lab.model.add(model, name="spread")
    run = lab.train("spread", "spread", batch_size=40, epochs=3, **ONE)
    assert any("no loss but that of add_loss" in note for note in run.notes) == (loss is None)
    x, y = (np.asarray(part) for part in open_split(lab.data.get("spread"), "train"))
    history = model.fit(x, y, batch_size=len(x), epochs=3, verbose=0).history
    assert same(weights(lab, "spread"), model.get_weights()) and len(x) == 40
    assert run.history["loss"] == pytest.approx(history["loss"], rel=1e-5)
