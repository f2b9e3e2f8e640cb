"""Small trained models and their data sets, made once for all the tests that run model files."""

from __future__ import annotations

import dataclasses
import fcntl
import os
import pickle
import shutil
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton_lab.types import CompressedModel, Dataset, Model, Target, fields, records
from tests.zoo import BUILDERS

DIGITS = tuple("0123456789")


def keras() -> Any:
    """tf_keras, imported as the product imports it."""
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tf_keras

    return tf_keras


def write_split(folder: Path, x: np.ndarray, y: np.ndarray) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", y)


def train(model: Any, x: Any, y: Any, losses: Any, epochs: int, rate: float) -> None:
    """Fit a model in float64: what rounding differs by, between processors, is too little to lead to other weights."""
    tf_keras = keras()
    twin = tf_keras.models.model_from_json(model.to_json().replace("float32", "float64"))
    twin.set_weights(model.get_weights())
    for one in (model, twin):
        one.compile(tf_keras.optimizers.Adam(rate), losses)
    twin.fit(x, y, epochs=epochs, batch_size=64, verbose=0)
    model.set_weights(twin.get_weights())


def fit(layers: list[Any], x: np.ndarray, y: np.ndarray, loss: str, epochs: int, rate: float = 3e-3) -> Any:
    tf_keras = keras()
    tf_keras.utils.set_random_seed(1)
    inputs = tf_keras.Input(x.shape[1:], name="rows")
    outputs = inputs
    for layer in layers:
        outputs = layer(outputs)
    model = tf_keras.Model(inputs, outputs)
    train(model, x, y, loss, epochs, rate)
    return model


def save(model: Any, dataset: Dataset, folder: Path, kind: str) -> Model:
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder / "model.keras")
    return Model(
        folder.name,
        folder,
        kind,
        "trained",
        "keras",
        dataset.input_shape,
        () if dataset.targets else tuple(model.output_shape[1:]),
        model.count_params(),
        dataset=dataset.name,
        classes=dataset.target.classes,
    )


def made() -> Path:
    """A folder with everything, shared by all processes that run tests at once."""
    folder = Path(os.environ["LEPTON_TEST_SHARED"]) / "models"
    folder.mkdir(exist_ok=True)
    return folder


def once(make: Callable[..., Any]) -> Callable[..., Any]:
    """Whichever process needs it first makes what lies below `made()`; others read what the function returned."""

    @cache
    @wraps(make)
    def found(*arguments: str) -> Any:
        record = made() / f"{'-'.join([make.__name__, *arguments])}.pickle"
        with record.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if record.is_file():
                return pickle.loads(record.read_bytes())
            result = make(*arguments)
            record.write_bytes(pickle.dumps(result))
            return result

    return found


@once
def make_digits() -> tuple[Model, Dataset]:
    """A small CNN on scikit-learn's digits."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    x, y = x.reshape(-1, 8, 8, 1).astype("uint8"), y.astype("int64")
    parts = train_test_split(x, y, test_size=597, stratify=y, random_state=0)
    folder = made() / "data" / "digits"
    write_split(folder / "train", parts[0], parts[2])
    write_split(folder / "test", parts[1], parts[3])
    dataset = Dataset(
        "digits", folder, "digits", {"train": 1200, "test": 597}, (8, 8, 1), "uint8", Target("classes", classes=DIGITS)
    )
    keras().backend.reset_uids()  # layers get the same names, whatever was made before
    layer = keras().layers
    model = fit(
        [
            layer.Rescaling(1 / 16),
            layer.Conv2D(16, 3, padding="same", activation="relu"),
            layer.Conv2D(32, 3, padding="same", activation="relu"),
            layer.MaxPooling2D(),
            layer.Flatten(),
            layer.Dense(64, activation="relu"),
            layer.Dense(10, activation="softmax"),
        ],
        parts[0],
        parts[2],
        "sparse_categorical_crossentropy",
        epochs=8,
    )
    return save(model, dataset, made() / "models" / "cnn", "cnn"), dataset


@once
def make_table() -> tuple[Model, Dataset]:
    """A regression on columns of very different ranges: fractions, millions, and 5000 give or take one."""
    random = np.random.default_rng(0)
    x = np.stack([random.uniform(0, 1, 1200), random.uniform(1e6, 2e6, 1200), random.normal(5000, 1, 1200)], 1)
    x = x.astype("float32")
    y = (x[:, 0] * 3 + x[:, 1] / 1e6 - (x[:, 2] - 5000)).astype("float32")
    folder = made() / "data" / "table"
    write_split(folder / "train", x[:900], y[:900])
    write_split(folder / "test", x[900:], y[900:])
    dataset = Dataset("table", folder, "table.csv", {"train": 900, "test": 300}, (3,), "float32", Target("numbers"))
    keras().backend.reset_uids()  # layers get the same names, whatever was made before
    layer = keras().layers
    model = fit(
        [
            layer.Normalization(mean=x[:900].mean(0), variance=x[:900].var(0)),
            layer.Dense(32, activation="relu"),
            layer.Dense(32, activation="relu"),
            layer.Dense(1),
        ],
        x[:900],
        y[:900],
        "mse",
        epochs=25,
    )
    return save(model, dataset, made() / "models" / "mlp", "mlp"), dataset


@once
def make_mixed() -> tuple[Model, Dataset]:
    """Two inputs, image and table, and three targets, kind, price and tags, which can be read off them."""
    random = np.random.default_rng(0)
    kind = np.arange(600) % 3
    image = (random.integers(0, 60, (600, 4, 4, 1)) + 60 * kind[:, None, None, None]).astype("uint8")
    values = random.uniform(-1, 1, (600, 2)).astype("float32")
    x = records({"image": image, "table": values})
    y = records({"kind": kind, "price": values[:, 0] + 1, "tags": (values > 0).astype("uint8")})
    folder = made() / "data" / "mixed"
    write_split(folder / "train", x[:450], y[:450])
    write_split(folder / "test", x[450:], y[450:])
    targets = {
        "kind": Target("classes", "kind", ("a", "b", "c")),
        "price": Target("numbers", "price"),
        "tags": Target("labels", "tags", ("left", "right")),
    }
    inputs = {"image": ((4, 4, 1), "uint8"), "table": ((2,), "float32")}
    splits, target = {"train": 450, "test": 150}, targets["kind"]
    dataset = Dataset("mixed", folder, "arrays", splits, (), "record", target, inputs=inputs, targets=targets)
    keras().backend.reset_uids()  # layers get the same names, whatever was made before
    layer = keras().layers
    keras().utils.set_random_seed(1)
    pixels, table = keras().Input((4, 4, 1), name="image"), keras().Input((2,), name="table")
    flat = layer.Flatten()(layer.Rescaling(1 / 255)(pixels))
    outputs = [
        layer.Dense(2, activation="sigmoid", name="tags")(layer.Dense(16, activation="relu")(table)),
        layer.Dense(3, activation="softmax", name="kind")(layer.Dense(16, activation="relu")(flat)),
        layer.Dense(1, name="price")(table),
    ]
    model = keras().Model([table, pixels], outputs)
    losses = {"kind": "sparse_categorical_crossentropy", "price": "mse", "tags": "binary_crossentropy"}
    train(model, fields(x), fields(y), losses, 20, 1e-2)
    return save(model, dataset, made() / "models" / "mixed", "builder"), dataset


@once
def make_of_zoo(name: str) -> Model:
    """A model of `tests.zoo`, trained on digits."""
    from lepton_lab.runtime import run_code

    _, dataset = make_digits()
    keras().backend.reset_uids()
    keras().utils.set_random_seed(1)
    model = run_code(BUILDERS[name])["build"](dataset.input_shape, 10)
    x, y = (np.load(dataset.folder / "train" / f"{part}.npy") for part in "xy")
    train(model, x, y, "sparse_categorical_crossentropy", 20, 5e-3)
    return save(model, dataset, made() / "zoo" / name, "builder")


@pytest.fixture(scope="session", params=list(BUILDERS))
def of_zoo(request: pytest.FixtureRequest) -> Model:
    """Each model of `tests.zoo` in turn, trained on digits."""
    return make_of_zoo(request.param)


two_of_zoo = pytest.mark.parametrize(
    "of_zoo",
    [name if name in ("cnn", "lstm") else pytest.param(name, marks=pytest.mark.soak) for name in BUILDERS],
    indirect=True,
)
"""For tests that take long: the others are for `make soak`."""


@pytest.fixture(scope="session")
def mixed() -> tuple[Model, Dataset]:
    """A model with several inputs and outputs, and its data set."""
    return make_mixed()


@pytest.fixture(scope="session")
def mixed_int8() -> Model:
    """That model, quantised."""
    return make_mixed_int8().model


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return make_digits()[1]


@pytest.fixture(scope="session")
def cnn() -> Model:
    return make_digits()[0]


@pytest.fixture(scope="session")
def table() -> Dataset:
    return make_table()[1]


@pytest.fixture(scope="session")
def mlp() -> Model:
    return make_table()[0]


@once
def make_quantised(scheme: str) -> CompressedModel:
    """The CNN by a scheme."""
    from lepton_lab.compress import quantize

    model, dataset = make_digits()
    return quantize(model, quantised(model, scheme, made() / "models" / f"cnn-{scheme}"), dataset, scheme)


@once
def make_mixed_int8() -> CompressedModel:
    """The model with several inputs and outputs, quantised."""
    from lepton_lab.compress import quantize

    model, dataset = make_mixed()
    return quantize(model, quantised(model, "int8", made() / "models" / "mixed-int8"), dataset, "int8")


@pytest.fixture(scope="session")
def int8_cnn() -> Model:
    """The CNN, quantised."""
    return make_quantised("int8").model


def quantised(model: Model, scheme: str, folder: Path) -> Model:
    """The record of what a scheme is to make of a model in a folder."""
    name = folder.name
    return dataclasses.replace(model, name=name, folder=folder, stage=scheme, format="tflite", parent=model.name)


def copy_of(model: Model, folder: Path) -> Model:
    """The same model in a folder of the test's own, to be spoilt."""
    shutil.copytree(model.folder, folder)
    return dataclasses.replace(model, folder=folder)


def truncate(path: Path, share: float = 0.5) -> None:
    """Cut a file short."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def whole_number_file(path: Path, dtype: str = "int8") -> Path:
    """A `.tflite` file that has whole numbers at both ends too, with rows and Keras's answers (`.npy`) beside it."""
    import tensorflow as tf

    rows = np.random.default_rng(0).normal(3, 2, (64, 6)).astype(np.float32)
    model = keras().Sequential([keras().Input((6,)), keras().layers.Dense(8, "relu"), keras().layers.Dense(3)])
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([row[None]] for row in rows)
    converter.inference_input_type = converter.inference_output_type = getattr(tf, dtype)
    path.write_bytes(converter.convert())
    np.save(path.with_name("rows.npy"), rows)
    np.save(path.with_name("answers.npy"), model(rows).numpy())
    return path
