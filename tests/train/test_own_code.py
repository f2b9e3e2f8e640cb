"""Models with layers, losses and metrics of the user's own: their code goes with them, and only that code is run."""

from __future__ import annotations

import json
import linecache
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton_lab import forkserver
from lepton_lab.errors import InputError, UserCodeError
from lepton_lab.lab import Lab
from tests.train_fixture import same, weights

SOURCE = """
import pathlib

class Scale(keras.layers.Layer):
    def __init__(self, start=1.0, **settings):
        super().__init__(**settings)
        self.start = start

    def build(self, shape):
        self.factor = self.add_weight("factor", (shape[-1],), initializer=keras.initializers.Constant(self.start))

    def call(self, rows):
        return rows * self.factor

    def get_config(self):
        return {**super().get_config(), "start": self.start}

@keras.saving.register_keras_serializable("mine")
class Small(keras.constraints.Constraint):
    def __call__(self, weights):
        return tf.clip_by_value(weights, -1.0, 1.0)

def swish(x):
    return x * tf.sigmoid(x)

def twice(y_true, y_pred):
    return 2 * keras.losses.sparse_categorical_crossentropy(y_true, y_pred)

class Focal(keras.losses.Loss):
    def __init__(self, gamma=2.0):
        super().__init__()
        self.gamma = gamma

    def call(self, y_true, y_pred):
        loss = keras.losses.sparse_categorical_crossentropy(y_true, y_pred)
        return loss * (1 - tf.exp(-loss)) ** self.gamma

def right(y_true, y_pred):
    return tf.cast(tf.equal(tf.cast(y_true, tf.int64), tf.argmax(y_pred, -1)), tf.float32)

def build(input_shape, num_classes):
    return keras.Sequential([
        keras.Input(input_shape),
        keras.layers.Flatten(),
        Scale(0.1, name="scale"),
        keras.layers.Dense(32, activation=swish, kernel_constraint=Small()),
        keras.layers.Dense(num_classes, activation="softmax"),
    ])
"""

BRANCHING = """
class Scale(keras.layers.Layer):
    def call(self, rows):
        if tf.reduce_max(rows) > 1.0:
            rows = rows / 16.0
        return rows

def half(y_true, y_pred):
    loss = keras.losses.sparse_categorical_crossentropy(y_true, y_pred)
    if tf.reduce_mean(loss) > 0.0:
        loss = loss / 2.0
    return loss

class Half(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return half(y_true, y_pred)

def right(y_true, y_pred):
    found = tf.cast(tf.equal(tf.cast(y_true, tf.int64), tf.argmax(y_pred, -1)), tf.float32)
    for _ in tf.range(2):
        found = found / 2.0
    return found

def build(input_shape, num_classes):
    layers = keras.layers
    return keras.Sequential([keras.Input(input_shape), layers.Flatten(), Scale(), layers.Dense(num_classes, "softmax")])
"""
"""What asks tensors, which AutoGraph makes a part of the graph."""


@pytest.fixture(scope="module")
def own(lab: Lab) -> str:
    """A trained model with a layer, a constraint and an activation of its own."""
    made = lab.model.new("own", data="digits", builder=SOURCE)
    assert made.code == made.folder / "code.py"
    lab.train("own", "digits", epochs=4, learning_rate=0.005, strategy="multiworker")
    return "own"


class TestOwnCode:
    def test_goes_with_the_model(self, lab: Lab, own: str) -> None:
        model = lab.model.show(own)
        assert model.stage == "trained"
        assert model.code is not None
        assert model.code.read_text() == SOURCE
        assert (lab.workspace.path("runs", "own-1") / "code.py").read_text() == SOURCE
        assert lab.evaluate(own).metrics["accuracy"] == pytest.approx(model.metrics["test_accuracy"], abs=1e-6)
        assert lab.evaluate(own).metrics["accuracy"] > 0.7
        assert lab.predict(own).rows == 359

    def test_one_rank_and_two_end_with_the_same_weights(self, lab: Lab, own: str) -> None:
        results = []
        for strategy in ("single", "multiworker"):
            lab.model.new("own_twin", data="digits", builder=SOURCE)
            lab.train("own_twin", "digits", epochs=2, strategy=strategy)
            results.append(weights(lab, "own_twin"))
        assert same(*results)

    def test_losses_and_metrics_are_looked_up_in_it(self, lab: Lab, own: str) -> None:
        plain = lab.train(own, "digits", epochs=1, strategy="single", optimizer="SGD(0.01)")
        run = lab.train(
            own, "digits", epochs=1, strategy="single", optimizer="SGD(0.005)", loss="twice", metrics="right"
        )
        assert run.history["loss"] == pytest.approx([2 * plain.history["loss"][0]], rel=1e-4)
        assert run.history["right"] == pytest.approx(run.history["accuracy"])
        focal = lab.train(own, "digits", epochs=1, strategy="single", loss="Focal(gamma=1.0)")
        assert focal.history["loss"][0] < plain.history["loss"][0]
        with pytest.raises(InputError, match="no loss 'twise': did you mean 'twice'"):
            lab.train(own, "digits", loss="twise")

    def test_may_branch_on_tensors(self, lab: Lab) -> None:
        import tensorflow as tf
        import tf_keras

        lab.model.new("branching", data="digits", builder=BRANCHING)
        settings: dict[str, Any] = {"epochs": 2, "strategy": "single", "metrics": "right"}
        plain = lab.train("branching", "digits", optimizer="SGD(0.01)", **settings).history
        assert plain["right"] == pytest.approx([value / 4 for value in plain["accuracy"]], rel=1e-4)
        cell: dict[str, Any] = {"keras": tf_keras, "tf": tf, "__name__": "__main__"}
        linecache.cache["<cell>"] = (0, None, BRANCHING.splitlines(keepends=True), "<cell>")  # as IPython does it
        exec(compile(BRANCHING, "<cell>", "exec"), cell)
        for loss in ("half", "Half", cell["half"], cell["Half"]()):
            found = lab.train("branching", "digits", loss=loss, optimizer="SGD(0.02)", **settings).history
            assert found["loss"] == pytest.approx([value / 2 for value in plain["loss"]], rel=1e-4)

    def test_is_in_the_manifest_of_an_export(self, lab: Lab, own: str, tmp_path: Path) -> None:
        bundle = lab.export(own, "keras", to=tmp_path / "own.keras")
        assert bundle.agreement.max_difference == 0
        assert json.loads(bundle.manifest.read_text())["code"] == SOURCE
        assert lab.export(own, "tflite", to=tmp_path / "own.tflite").agreement.rows

    def test_goes_on_through_compression(self, lab: Lab, own: str) -> None:
        assert lab.compress(own, "quantize", scheme="dynamic").model.stage == "dynamic"
        pruned = lab.compress(own, "prune", sparsity=0.5, epochs=1).model
        assert pruned.code is not None
        assert lab.evaluate(pruned.name).metrics["accuracy"] > 0.5

    def test_bfloat16(self, lab: Lab, own: str) -> None:
        run = lab.train(own, "digits", epochs=2, learning_rate=0.005, precision="mixed_bfloat16", strategy="single")
        assert run.state == "done"


def trap(file: Path, layer: dict[str, Any]) -> None:
    """Put a layer into a model's file."""
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    config["config"]["layers"].insert(-1, layer)
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in (parts | {"config.json": json.dumps(config).encode()}).items():
            archive.writestr(name, data)


class TestForeignCode:
    @pytest.fixture
    def spoilt(self, lab: Lab, tmp_path: Path) -> tuple[str, Path]:
        """A model whose code has been changed by somebody else, and the file that it would make."""
        victim = tmp_path / "touched"
        model = lab.model.new("spoilt", data="digits", builder=SOURCE)
        assert model.code is not None
        model.code.write_text(f"{SOURCE}\npathlib.Path({str(victim)!r}).touch()\n")
        return "spoilt", victim

    def test_is_not_run(self, lab: Lab, spoilt: tuple[str, Path]) -> None:
        name, victim = spoilt
        assert lab.model.show(name).code is None
        for work in (
            lambda: lab.train(name, "digits"),
            lambda: lab.evaluate(name),
            lambda: lab.predict(name),
            lambda: lab.export(name, "keras"),
            lambda: lab.compress(name, "prune", data="digits"),
        ):
            with pytest.raises(InputError) as caught:
                work()
            assert "\n" not in str(caught.value)
        with pytest.raises(InputError, match=r"a class of one's own.*Its code\.py is not run: .*make the model again"):
            lab.evaluate(name)
        assert not victim.exists()

    def test_without_a_seal_is_not_run(self, lab: Lab) -> None:
        model = lab.model.new("unsealed", data="digits", builder=SOURCE)
        (model.folder / "code.json").unlink()
        assert lab.model.show("unsealed").code is None
        (model.folder / "code.json").write_text('{"seal": 3')
        assert lab.model.show("unsealed").code is None

    def test_beside_a_file_that_is_brought_in_is_not_run(self, lab: Lab, own: str, tmp_path: Path) -> None:
        model = lab.model.show(own)
        file, victim = tmp_path / "theirs.keras", tmp_path / "touched"
        file.write_bytes(model.file.read_bytes())
        (tmp_path / "code.py").write_text(f"{SOURCE}\npathlib.Path({str(victim)!r}).touch()\n")
        (tmp_path / "code.json").write_bytes((model.folder / "code.json").read_bytes())
        with pytest.raises(InputError, match=r"the layer 'dense' is a mine>Small, a class of one's own"):
            lab.model.add(file)
        assert not victim.exists()

    @pytest.mark.parametrize(
        "layer",
        [
            {"class_name": "Lambda", "module": "builder", "registered_name": "Lambda"},
            {"class_name": "Scale", "module": "pydoc", "registered_name": "Scale"},
            {"class_name": "Popen", "module": "subprocess", "registered_name": "Scale"},
            {"class_name": "Other", "module": "builder", "registered_name": "Other"},
            {"class_name": "function", "module": "os", "config": "swish", "registered_name": "swish"},
            {"class_name": "function", "module": "builtins", "config": "system", "registered_name": "function"},
        ],
    )
    def test_in_a_model_with_code_of_its_own_is_refused(
        self, lab: Lab, own: str, tmp_path: Path, layer: dict[str, Any]
    ) -> None:
        model = lab.model.show(own)
        file = tmp_path / "model.keras"
        file.write_bytes(model.file.read_bytes())
        trap(file, {"config": {"name": "trap"}} | layer)
        with pytest.raises(InputError, match="only parts of Keras itself and of the model's own code are loaded"):
            forkserver.call("lepton_lab.runtime:load_keras", {"path": file, "code": model.code})


def test_code_that_raises_has_its_traceback(lab: Lab) -> None:
    with pytest.raises(UserCodeError, match="raised NameError: name 'nothing'") as caught:
        lab.model.new("broken", data="digits", builder="nothing\ndef build(a, b):\n    pass\n")
    assert "line 1" in caught.value.user_traceback


def test_a_model_without_parts_of_its_own_has_no_code(lab: Lab) -> None:
    source = "def build(a, b): return keras.Sequential([keras.Input(a), keras.layers.Flatten(), keras.layers.Dense(b)])"
    model = lab.model.new("plain_built", data="digits", builder=source)
    assert model.code is None
    assert not (model.folder / "code.py").exists()
    rows = np.zeros((2, 8, 8, 1), np.float32)
    assert lab.predict("plain_built", rows=rows).rows == 2
