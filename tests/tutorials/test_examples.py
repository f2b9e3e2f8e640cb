"""Six examples that everybody begins with, as their notebooks have them: `fit` is replaced by a `%lepton train` line.

Each is written as people write it, with its own `compile`, and has to come out as Keras's own `fit` does, within noise,
without an option but those that `fit` had. Rows are made up, and few.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import lepton_lab

BEGINNERS = """
import numpy as np
{keras}
from sklearn.datasets import load_digits

keras.utils.set_random_seed(0)
digits = load_digits()
pictures = np.kron(digits.images, np.ones((3, 3)))
pictures = np.pad(pictures, ((0, 0), (2, 2), (2, 2))) * (255 / 16)
pictures, y = pictures.astype("uint8"), digits.target
(x_train, y_train), (x_test, y_test) = (pictures[:1400], y[:1400]), (pictures[1400:], y[1400:])
x_train, x_test = x_train / 255.0, x_test / 255.0
model = keras.models.Sequential([
    keras.layers.Flatten(input_shape=(28, 28)),
    keras.layers.Dense(128, activation="relu"),
    keras.layers.Dropout(0.2),
    keras.layers.Dense(10),
])
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(optimizer="adam", loss=loss_fn, metrics=["accuracy"])
d = (x_train, y_train), (x_test, y_test)
"""

CONVNET = """
import numpy as np
{keras}
from sklearn.datasets import load_digits
layers = keras.layers

keras.utils.set_random_seed(0)
num_classes, input_shape = 10, (16, 16, 1)
pictures = np.kron(load_digits().images, np.ones((2, 2))) * (255 / 16)
x_train, x_test = pictures[:1400], pictures[1400:]
y_train, y_test = load_digits().target[:1400], load_digits().target[1400:]
x_train = x_train.astype("float32") / 255
x_test = x_test.astype("float32") / 255
x_train = np.expand_dims(x_train, -1)
x_test = np.expand_dims(x_test, -1)
y_train = keras.utils.to_categorical(y_train, num_classes)
y_test = keras.utils.to_categorical(y_test, num_classes)
model = keras.Sequential([
    keras.Input(shape=input_shape),
    layers.Conv2D(16, kernel_size=(3, 3), activation="relu"),
    layers.MaxPooling2D(pool_size=(2, 2)),
    layers.Conv2D(32, kernel_size=(3, 3), activation="relu"),
    layers.MaxPooling2D(pool_size=(2, 2)),
    layers.Flatten(),
    layers.Dropout(0.5),
    layers.Dense(num_classes, activation="softmax"),
])
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
d = (x_train, y_train), (x_test, y_test)
"""

TEXTS = """
import numpy as np
{keras}
layers = keras.layers

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
good, bad = ["wonderful", "moving", "superb", "great"], ["dull", "awful", "boring", "terrible"]
filling = "the a film movie plot actor scene was with and of this that it story ending".split()
def review(label):
    words = [*rng.choice(filling, rng.integers(15, 30)), *rng.choice(good if label else bad, 3)]
    return " ".join(rng.permutation(words)) + ".<br />"
labels = rng.integers(0, 2, 900)
texts = np.array([review(label) for label in labels])
raw_train, raw_test = (texts[:700], labels[:700]), (texts[700:], labels[700:])

vectorize_layer = layers.TextVectorization(max_tokens=200, output_mode="int", output_sequence_length=40)
vectorize_layer.adapt(raw_train[0])
inputs = keras.Input(shape=(None,), dtype="int64")
x = layers.Embedding(200, 16)(inputs)
x = layers.Dropout(0.3)(x)
x = layers.Conv1D(32, 3, padding="valid", activation="relu")(x)
x = layers.GlobalMaxPooling1D()(x)
x = layers.Dense(32, activation="relu")(x)
predictions = layers.Dense(1, activation="sigmoid", name="predictions")(x)
"""

VECTORIZED = (
    TEXTS
    + """
model = keras.Model(inputs, predictions)
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
x_train, x_test = (np.asarray(vectorize_layer(part[0][:, None])) for part in (raw_train, raw_test))
d = (x_train, raw_train[1]), (x_test, raw_test[1])
"""
)

END_TO_END = (
    TEXTS
    + """
text_input = keras.Input(shape=(1,), dtype="string")
model = keras.Model(text_input, keras.Model(inputs, predictions)(vectorize_layer(text_input)))
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
import tensorflow as tf
d = raw_train, raw_test
fitted = tuple((tf.constant(part[0][:, None]), part[1]) for part in d)  # Keras's own fit takes no text of NumPy
"""
)

SEGMENTATION = """
import numpy as np
{keras}
layers = keras.layers

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
img_size, num_classes = (16, 16), 3
def picture():
    y, x = np.mgrid[:16, :16]
    far, radius = np.hypot(y - rng.integers(4, 12), x - rng.integers(4, 12)), rng.integers(3, 6)
    mask = np.where(far < radius, 1, np.where(far < radius + 2, 3, 2)).astype("uint8")
    image = rng.normal(110, 15, (16, 16, 3)) + (far < radius)[..., None] * (70, -40, 10)
    return np.clip(image, 0, 255).astype("uint8"), mask[..., None]
images, masks = map(np.stack, zip(*(picture() for _ in range(240))))
masks -= 1  # labels of the files are 1, 2, 3

def get_model():
    inputs = keras.Input(shape=img_size + (3,))
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(8, 3, strides=2, padding="same")(x)
    x = layers.BatchNormalization(momentum=0.8)(x)
    x = layers.Activation("relu")(x)
    previous_block_activation = x
    for filters in [16]:
        x = layers.Activation("relu")(x)
        x = layers.SeparableConv2D(filters, 3, padding="same")(x)
        x = layers.BatchNormalization(momentum=0.8)(x)
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        residual = layers.Conv2D(filters, 1, strides=2, padding="same")(previous_block_activation)
        x = layers.add([x, residual])
        previous_block_activation = x
    for filters in [16, 8]:
        x = layers.Activation("relu")(x)
        x = layers.Conv2DTranspose(filters, 3, padding="same")(x)
        x = layers.BatchNormalization(momentum=0.8)(x)
        x = layers.UpSampling2D(2)(x)
        residual = layers.UpSampling2D(2)(previous_block_activation)
        residual = layers.Conv2D(filters, 1, padding="same")(residual)
        x = layers.add([x, residual])
        previous_block_activation = x
    outputs = layers.Conv2D(num_classes, 3, activation="softmax", padding="same")(x)
    return keras.Model(inputs, outputs)

model = get_model()
model.compile(optimizer=keras.optimizers.Adam(1e-2), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
d = (images[:180], masks[:180]), (images[180:], masks[180:])
"""

TIMESERIES = """
import numpy as np
{keras}

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
y = rng.choice([-1, 1], 800)
t = np.arange(60)
x = np.sin(t / 6 + rng.uniform(0, 6, (800, 1))) + rng.normal(0, 0.5, (800, 60))
x += (y[:, None] == 1) * np.sin(t / 1.5 + rng.uniform(0, 6, (800, 1)))
x_train, y_train, x_test, y_test = x[:600], y[:600], x[600:], y[600:]
x_train = x_train.reshape((x_train.shape[0], x_train.shape[1], 1))
x_test = x_test.reshape((x_test.shape[0], x_test.shape[1], 1))
num_classes = len(np.unique(y_train))
y_train[y_train == -1] = 0
y_test[y_test == -1] = 0

def make_model(input_shape):
    input_layer = keras.layers.Input(input_shape)
    conv1 = keras.layers.Conv1D(filters=16, kernel_size=5, padding="same")(input_layer)
    conv1 = keras.layers.BatchNormalization(momentum=0.8)(conv1)
    conv1 = keras.layers.ReLU()(conv1)
    conv2 = keras.layers.Conv1D(filters=16, kernel_size=3, padding="same")(conv1)
    conv2 = keras.layers.BatchNormalization(momentum=0.8)(conv2)
    conv2 = keras.layers.ReLU()(conv2)
    gap = keras.layers.GlobalAveragePooling1D()(conv2)
    output_layer = keras.layers.Dense(num_classes, activation="softmax")(gap)
    return keras.models.Model(inputs=input_layer, outputs=output_layer)

model = make_model(input_shape=x_train.shape[1:])
callbacks = [
    keras.callbacks.ModelCheckpoint("best_model.keras", save_best_only=True, monitor="val_loss"),
    keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=20, min_lr=0.0001),
    keras.callbacks.EarlyStopping(monitor="val_loss", patience=50, verbose=1),
]
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["sparse_categorical_accuracy"])
d = (x_train, y_train), (x_test, y_test)
"""

COLUMNS = """
import numpy as np
import pandas as pd
{keras}
layers = keras.layers

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
dataframe = pd.DataFrame({{
    "age": rng.integers(29, 77, 800),
    "sex": rng.integers(0, 2, 800),
    "cp": rng.integers(0, 5, 800),
    "oldpeak": rng.uniform(0, 6, 800).round(1),
    "thal": rng.choice(["fixed", "normal", "reversible"], 800),
}})
score = (dataframe.age - 53) / 8 + 2.0 * (dataframe.thal == "reversible") - (dataframe.cp == 1) - 0.5
dataframe["target"] = (score + rng.normal(0, 0.3, 800) > 0).astype(int)
val_dataframe = dataframe.sample(frac=0.2, random_state=1337)
train_dataframe = dataframe.drop(val_dataframe.index)

all_inputs, encoded = [], []
for name, lookup in [("sex", layers.IntegerLookup), ("cp", layers.IntegerLookup), ("thal", layers.StringLookup)]:
    dtype = "string" if lookup is layers.StringLookup else "int64"
    feature = keras.Input(shape=(1,), name=name, dtype=dtype)
    index = lookup(output_mode="multi_hot")
    index.adapt(train_dataframe[name].to_numpy().reshape(-1, 1))
    all_inputs.append(feature)
    encoded.append(index(feature))
for name in ("age", "oldpeak"):
    feature = keras.Input(shape=(1,), name=name)
    normalizer = layers.Normalization()
    normalizer.adapt(train_dataframe[name].to_numpy().reshape(-1, 1))
    all_inputs.append(feature)
    encoded.append(normalizer(feature))
x = layers.concatenate(encoded)
x = layers.Dense(32, activation="relu")(x)
x = layers.Dropout(0.3)(x)
model = keras.Model(all_inputs, layers.Dense(1, activation="sigmoid")(x))
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
def columns_of(frame):
    frame = frame.copy()
    labels = frame.pop("target")
    return dict(frame), labels
d = columns_of(train_dataframe), columns_of(val_dataframe)
import tensorflow as tf
fitted = tuple(({{key: tf.constant(part.to_numpy()[:, None]) for key, part in x.items()}}, y.to_numpy()) for x, y in d)
"""

KERAS3, TF_KERAS = "import keras", "import tf_keras as keras"


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InteractiveShell]:
    """A real shell with a cluster of one worker."""
    here, folder = Path.cwd(), tmp_path_factory.mktemp("examples")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEPTON_WORKSPACE", str(folder / "workspace"))
        os.chdir(folder)
        shell = InteractiveShell.instance()
        lepton_lab.load_ipython_extension(shell)
        shell.run_cell("%lepton cluster up --workers 1").raise_error()
        yield shell
        shell.run_cell("%lepton cluster down").raise_error()
        lepton_lab.unload_ipython_extension(shell)
        shell.reset(new_session=False)
        os.chdir(here)


SOAK = pytest.mark.soak


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("cells", "fit", "least", "library"),
    [
        pytest.param(BEGINNERS, {"epochs": 5, "batch_size": 32}, 0.85, KERAS3, id="beginners"),
        pytest.param(BEGINNERS, {"epochs": 5, "batch_size": 32}, 0.85, TF_KERAS, id="beginners-tf_keras", marks=SOAK),
        pytest.param(CONVNET, {"epochs": 6, "batch_size": 32, "validation": 0.1}, 0.85, KERAS3, id="convnet"),
        pytest.param(VECTORIZED, {"epochs": 8, "batch_size": 32}, 0.95, KERAS3, id="texts"),
        pytest.param(END_TO_END, {"epochs": 8, "batch_size": 32}, 0.95, KERAS3, id="end-to-end", marks=SOAK),
        pytest.param(SEGMENTATION, {"epochs": 8, "batch_size": 16}, 0.8, KERAS3, id="segmentation", marks=SOAK),
        pytest.param(
            TIMESERIES, {"epochs": 15, "batch_size": 32, "validation": 0.2}, 0.85, KERAS3, id="timeseries", marks=SOAK
        ),
        pytest.param(
            TIMESERIES,
            {"epochs": 15, "batch_size": 32, "validation": 0.2},
            0.85,
            TF_KERAS,
            id="timeseries-tf_keras",
            marks=SOAK,
        ),
        pytest.param(COLUMNS, {"epochs": 12, "batch_size": 32}, 0.85, KERAS3, id="columns"),
    ],
)
def test_comes_out_as_fit_does(
    shell: InteractiveShell, cells: str, fit: dict[str, Any], least: float, library: str
) -> None:
    shell.run_cell(cells.format(keras=library)).raise_error()
    options = "".join(f" --{name.replace('_', '-')} {value}" for name, value in fit.items())
    has_callbacks = "callbacks = [" in cells
    line = f"%lepton train model --data d{options}" + (" --callbacks callbacks" if has_callbacks else "")
    shell.run_cell(f"run = {line}").raise_error()
    shell.run_cell("evaluation = %lepton evaluate model").raise_error()
    names = shell.user_ns
    ours = names["run"].metrics
    assert names["evaluation"].metrics["accuracy"] == pytest.approx(ours["test_accuracy"], abs=1e-6)
    assert names["evaluation"].metrics["loss"] == pytest.approx(ours["test_loss"], rel=1e-4)

    (x, y), (x_test, y_test) = names.get("fitted") or names["d"]
    share = {"validation_split": fit["validation"]} if "validation" in fit else {}
    names["model"].fit(x, y, epochs=fit["epochs"], batch_size=fit["batch_size"], verbose=0, **share)
    theirs = names["model"].evaluate(x_test, y_test, verbose=0)[1]
    names.pop("fitted", None)
    assert ours["test_accuracy"] >= least and theirs >= least
    assert abs(ours["test_accuracy"] - theirs) < 0.06
