"""Models from the family, from a cell, and brought in from tf_keras and Keras 3."""

from __future__ import annotations

import json
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton_lab import forkserver
from lepton_lab.errors import InputError, LeptonError, UserCodeError
from lepton_lab.types import Scaling, Target

HERE = f"{__name__}:"


def make(function: str, folder: Path, **arguments: Any) -> Any:
    return forkserver.call(f"lepton_lab.train._models:{function}", {"folder": folder, **arguments})


def answers(file: Path, rows: Any) -> Any:
    """What a file's model says to rows."""
    import tf_keras

    return tf_keras.models.load_model(file, compile=False).predict(rows, verbose=0)


def adopt_a_keras3_model(folder: Path, kind: str) -> tuple[Any, Any]:
    """Make a Keras 3 model of `kind`, bring it over; returns both models' answers to the same rows."""
    import keras
    import tf_keras

    from lepton_lab.train._models import adopt_file

    keras.utils.set_random_seed(0)
    layers = keras.layers
    inputs = keras.Input((8, 8, 1))
    if kind == "sequential":
        model = keras.Sequential(
            [
                inputs,
                layers.Conv2D(4, 3),
                layers.BatchNormalization(),
                layers.ReLU(),
                layers.Flatten(),
                layers.Dropout(0.2),
                layers.Dense(10, activation="softmax"),
            ]
        )
    else:
        left = layers.Conv2D(4, 3, padding="same", kernel_regularizer="l2")(inputs)
        right = layers.DepthwiseConv2D(3, padding="same")(layers.Conv2D(4, 1)(inputs))
        both = layers.GlobalAveragePooling2D()(layers.Concatenate()([layers.Add()([left, right]), left]))
        model = keras.Model(inputs, layers.Dense(10, activation="softmax")(both))
    rows = np.random.default_rng(0).random((5, 8, 8, 1), np.float32)
    model.save(folder / "there.keras")
    adopt_file(folder, folder / "there.keras")
    ours = tf_keras.models.load_model(folder / "model.keras", compile=False)
    return model.predict(rows, verbose=0), ours.predict(rows, verbose=0)


@pytest.mark.parametrize(
    ("kind", "shape"), [("cnn", (8, 8, 1)), ("cnn", (28, 28, 3)), ("mlp", (8, 8, 1)), ("mlp", (5,))]
)
def test_family(tmp_path: Path, kind: str, shape: tuple[int, ...]) -> None:
    made = make(
        "make_family",
        tmp_path,
        kind=kind,
        input_shape=shape,
        target=Target("classes", classes=("a", "b", "c")),
        scaling=Scaling((1.0,), (2.0,)),
        hidden_size=8,
        num_layers=2,
        seed=1,
    )
    assert (made.input_shape, made.output_shape) == (shape, (3,))
    assert (tmp_path / "initial.keras").read_bytes() == (tmp_path / "model.keras").read_bytes()
    rows = np.ones((2, *shape), np.uint8)
    assert forkserver.call(f"{HERE}answers", {"file": tmp_path / "model.keras", "rows": rows}).sum(1) == pytest.approx(
        [1, 1]
    )


def test_family_gives_each_of_several_labels_a_number_of_its_own(tmp_path: Path) -> None:
    make(
        "make_family",
        tmp_path,
        kind="mlp",
        input_shape=(3,),
        target=Target("labels", classes=("a", "b")),
        scaling=Scaling(),
        hidden_size=8,
        num_layers=1,
        seed=1,
    )
    rows = np.random.default_rng(0).normal(0, 3, (50, 3)).astype(np.float32)
    answers = forkserver.call(f"{HERE}answers", {"file": tmp_path / "model.keras", "rows": rows})
    assert ((answers > 0) & (answers < 1)).all() and np.ptp(answers.sum(1)) > 0.1


def test_family_scales_each_column_of_a_table(tmp_path: Path) -> None:
    arguments = {
        "kind": "mlp",
        "input_shape": (2,),
        "target": Target("numbers"),
        "hidden_size": 4,
        "num_layers": 1,
        "seed": 1,
    }
    make("make_family", tmp_path, scaling=Scaling(), **arguments)
    plain = forkserver.call(f"{HERE}answers", {"file": tmp_path / "model.keras", "rows": np.array([[1.0, -1.0]])})
    make("make_family", tmp_path, scaling=Scaling((10.0, 3.0), (2.0, 4.0)), **arguments)
    scaled = forkserver.call(f"{HERE}answers", {"file": tmp_path / "model.keras", "rows": np.array([[12.0, -1.0]])})
    assert scaled == pytest.approx(plain, abs=1e-6)


def test_family_refuses_what_is_not_a_picture(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="use --kind mlp"):
        make(
            "make_family",
            tmp_path,
            kind="cnn",
            input_shape=(5,),
            target=Target("numbers"),
            scaling=Scaling(),
            hidden_size=8,
            num_layers=2,
            seed=1,
        )


BUILDER = """
def build(input_shape, num_classes):
    return keras.Sequential([keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(num_classes)])
"""


def test_builder(tmp_path: Path) -> None:
    made = make("make_built", tmp_path, source=BUILDER, input_shape=(4, 4, 1), num_classes=7, seed=0)
    assert (made.output_shape, made.num_parameters) == ((7,), 4 * 4 * 7 + 7)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1", "defines no function build"),
        ("def build(a, b): return 3", "must return a tf_keras model"),
        ("def build(a, b): return 1 / 0", r"build\(\) raised ZeroDivisionError"),
        ("def build(a, b)", r"build\(\) raised SyntaxError"),
    ],
)
def test_builder_that_fails(tmp_path: Path, source: str, message: str) -> None:
    with pytest.raises(LeptonError, match=message) as caught:
        make("make_built", tmp_path, source=source, input_shape=(4,), num_classes=2, seed=0)
    assert not isinstance(caught.value, UserCodeError) or "Traceback" in caught.value.user_traceback


@pytest.mark.parametrize("kind", ["sequential", "functional"])
def test_keras3_model_gives_the_same_answers(tmp_path: Path, kind: str) -> None:
    theirs, ours = forkserver.call(f"{HERE}adopt_a_keras3_model", {"folder": tmp_path, "kind": kind})
    assert ours == pytest.approx(theirs, abs=1e-6)


def save_odd(file: Path, kind: str) -> None:
    """Write a Keras 3 model that Keras can make and nobody can fit."""
    import keras

    rows = keras.Input((4,))
    one, two = keras.layers.Dense(1, name="out put" if kind == "name" else None)(rows), keras.layers.Dense(1)(rows)
    keras.Model(rows, [one, two] if kind == "name" else [one, {"c": [two]}]).save(file)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("name", "The layer is called 'out put', and .*: rename the layer, such as name='out_put'"),
        ("nested", "The model's outputs are lists or dicts inside one another"),
    ],
)
def test_a_keras3_model_that_can_not_be_fitted(tmp_path: Path, kind: str, message: str) -> None:
    forkserver.call(f"{HERE}save_odd", {"file": tmp_path / "odd.keras", "kind": kind})
    with pytest.raises(InputError, match=message) as caught:
        make("adopt_file", tmp_path, file=tmp_path / "odd.keras")
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "x.keras").write_text("hello")
    with pytest.raises(InputError, match=r"is not a \.keras file"):
        make("adopt_file", tmp_path, file=tmp_path / "x.keras")


def save_small(file: Path, is_keras3: bool, is_nested: bool = False) -> None:
    """Write a small model's file."""
    import keras
    import tf_keras

    library = keras if is_keras3 else tf_keras
    layers = [library.layers.Dense(64, name="first"), library.layers.Dense(2, name="second")]
    body = [library.Sequential([library.Input((4,)), *layers], name="inner")] if is_nested else layers
    library.Sequential([library.Input((4,)), *body]).save(file)


def poison(file: Path, is_keras3: bool, is_nested: bool, victim: Path) -> None:
    """Put a layer into a model's file that runs a command while tf_keras loads it."""
    save_small(file, is_keras3, is_nested)
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    settings = {
        "name": "trap",
        "trainable": True,
        "function": {"class_name": "function", "config": "pipepager", "module": "pydoc", "registered_name": "x"},
        "function_type": "function",
        "output_shape": None,
        "output_shape_type": "raw",
        "module": "pydoc",
        "arguments": {"cmd": f"touch {victim}"},
    }
    trap = {"module": "keras.layers", "class_name": "Lambda", "config": settings, "registered_name": None}
    inside = config["config"]["layers"]
    (inside[-1]["config"]["layers"] if is_nested else inside).append(trap)
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in (parts | {"config.json": json.dumps(config).encode()}).items():
            archive.writestr(name, data)


@pytest.mark.parametrize("is_keras3", [False, True])
@pytest.mark.parametrize("is_nested", [False, True])
def test_a_file_cannot_run_anything(tmp_path: Path, is_keras3: bool, is_nested: bool) -> None:
    file, victim = tmp_path / "bad.keras", tmp_path / "touched"
    forkserver.call(f"{HERE}poison", {"file": file, "is_keras3": is_keras3, "is_nested": is_nested, "victim": victim})
    with pytest.raises(InputError, match=r"bad\.keras can't be brought in: the layer 'trap' is a Lambda"):
        make("adopt_file", tmp_path, file=file)
    with pytest.raises(InputError, match=r"the layer 'trap' is a Lambda"):
        forkserver.call("lepton_lab.runtime:load_keras", {"path": file})
    assert not victim.exists()


def load_unguarded(file: Path) -> None:
    import tf_keras

    try:
        tf_keras.models.load_model(file, compile=False, safe_mode=True)
    except Exception:  # what the command leaves behind is no model
        return


def test_the_same_file_would_have_run_something(tmp_path: Path) -> None:
    file, victim = tmp_path / "bad.keras", tmp_path / "touched"
    forkserver.call(f"{HERE}poison", {"file": file, "is_keras3": False, "is_nested": False, "victim": victim})
    forkserver.call(f"{HERE}load_unguarded", {"file": file})
    deadline = time.monotonic() + 10  # the command is not waited for
    while not victim.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert victim.exists()


@pytest.mark.parametrize("is_keras3", [False, True])
def test_a_file_with_damaged_weights(tmp_path: Path, is_keras3: bool) -> None:
    file = tmp_path / "there.keras"
    forkserver.call(f"{HERE}save_small", {"file": file, "is_keras3": is_keras3})
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"there\.keras is not a \.keras file") as caught:
        make("adopt_file", tmp_path, file=file)
    assert len(str(caught.value).splitlines()) == 1
    file.write_bytes(whole)
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data[: len(data) // 2] if name.endswith(".h5") else data)
    with pytest.raises(
        InputError, match=r"there\.keras can't be (read as a model|loaded as a Keras model): "
    ) as caught:
        make("adopt_file", tmp_path, file=file)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "def build(a, b):\n    class Mine(keras.layers.Layer):\n        pass\n"
            "    return keras.Sequential([keras.Input(a), Mine(name='my'), keras.layers.Dense(b)])",
            r"the layer 'my' is a Mine.*beside build\(\), can be used",
        ),
        (
            "def build(a, b):\n    i = keras.Input(a)\n"
            "    return keras.Model(i, keras.layers.Dense(b)(keras.layers.Lambda(lambda x: x, name='my')(i)))",
            r"the layer 'my' is a Lambda.*[Oo]nly layers of Keras, and classes",
        ),
        (
            "class Mine(keras.Model):\n    def call(self, x): return x\ndef build(a, b): return Mine()",
            r"it is a Mine, and only models made of layers, by",
        ),
        (
            "def build(a, b):\n    own = keras.layers.GRU(b, stateful=True, name='my')\n"
            "    return keras.Sequential([keras.Input(batch_shape=(2, *a)), keras.layers.Reshape((2, 2)), own])",
            r"The layer 'my' has stateful=True.*Make it with stateful=False",
        ),
        (
            "def build(a, b): return keras.Sequential([keras.Input(a), keras.layers.Dense(b)], name='my model')",
            r"The model is called 'my model'.*rename the model, such as name='my_model'",
        ),
        (
            "class Mine(keras.layers.Layer):\n    def __init__(self, size, **rest): super().__init__(**rest)\n"
            "    def call(self, x): return x\n    def get_config(self): return super().get_config()\n"
            "def build(a, b): return keras.Sequential([keras.Input(a), Mine(3, name='my'), keras.layers.Dense(b)])",
            r"^The model's own file can't be loaded as a Keras model: .*'size'",
        ),
        (
            "def build(a, b):\n    i = keras.Input(a)\n"
            "    one, two, three = (keras.layers.Dense(b)(i) for _ in range(3))\n"
            "    return keras.Model(i, {'a': [one, two], 'b': three})",
            r"The model's outputs are lists or dicts inside one another, expected one list, or one dict by name",
        ),
    ],
)
def test_a_builder_whose_model_can_not_be_made_again(tmp_path: Path, source: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        make("make_built", tmp_path, source=source, input_shape=(4,), num_classes=2, seed=0)
    assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / "model.keras").exists()


def computes_channels_first() -> bool:
    """Whether TensorFlow does on this CPU: it depends on oneDNN, which it uses by itself on some only."""
    import tensorflow as tf

    try:
        tf.nn.conv2d(tf.zeros((1, 1, 2, 2)), tf.zeros((2, 2, 1, 3)), 1, "VALID", data_format="NCHW")
    except tf.errors.OpError:
        return False
    return True


def test_channels_first_is_taken_where_the_machine_computes_it(tmp_path: Path) -> None:
    source = (
        "def build(a, b):\n    own = keras.layers.Conv2D(b, 2, data_format='channels_first', name='my')\n"
        "    return keras.Sequential([keras.Input(a), keras.layers.Reshape((1, 2, 2)), own, keras.layers.Flatten()])"
    )
    if forkserver.call(f"{HERE}computes_channels_first", {}):
        made = make("make_built", tmp_path, source=source, input_shape=(4,), num_classes=3, seed=0)
        assert made.output_shape == (3,)
        return
    with pytest.raises(InputError, match=r"The layer 'my' has data_format='channels_first'.*channels_last"):
        make("make_built", tmp_path, source=source, input_shape=(4,), num_classes=3, seed=0)
    assert not (tmp_path / "model.keras").exists()


def test_the_loss_of_add_loss_is_told_and_its_metric_refused(tmp_path: Path) -> None:
    source = (
        "def build(a, b):\n    i = keras.Input(a)\n    model = keras.Model(i, keras.layers.Dense(b)(i))\n"
        "    model.add_loss(keras.backend.mean(model.output))\n    return model"
    )
    made = make("make_built", tmp_path, source=source, input_shape=(4,), num_classes=2, seed=0)
    assert made.notes[0].startswith("the loss of add_loss counts")
    source = source.replace("add_loss(keras.backend.mean(model.output))", "add_metric(model.output, name='m')")
    with pytest.raises(InputError, match=r"'add_metric' is what add_metric made .*: give metrics to compile\(\)"):
        make("make_built", tmp_path, source=source, input_shape=(4,), num_classes=2, seed=0)


@pytest.mark.parametrize("decorator", ["", "@keras.saving.register_keras_serializable('pack')\n"])
def test_a_builder_with_a_class_of_its_own(tmp_path: Path, decorator: str) -> None:
    source = (
        f"{decorator}class Mine(keras.layers.Layer):\n    def call(self, x): return 2 * x\n"
        "def build(a, b): return keras.Sequential([keras.Input(a), Mine(name='my'), keras.layers.Dense(b)])"
    )
    assert make("make_built", tmp_path, source=source, input_shape=(4,), num_classes=2, seed=0).output_shape == (2,)
    assert (tmp_path / "code.py").read_text() == source
    with pytest.raises(
        InputError, match=r"the layer 'my' is a (Mine of builder|pack>Mine).*only parts of Keras itself"
    ):
        forkserver.call("lepton_lab.runtime:load_keras", {"path": tmp_path / "model.keras"})


def test_a_builder_may_do_sums_between_layers(tmp_path: Path) -> None:
    source = "def build(a, b):\n    i = keras.Input(a)\n    return keras.Model(i, keras.layers.Dense(b)(i / 255.0))"
    assert make("make_built", tmp_path, source=source, input_shape=(4,), num_classes=2, seed=0).output_shape == (2,)
