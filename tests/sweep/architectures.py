"""About twenty real architectures, small and with random weights, written once for both libraries.

Each is a function of the library (`keras` or `tf_keras`), and says what rows it takes and what target fits it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

CLASSES = 4


@dataclass(frozen=True)
class Rows:
    """What one input takes."""

    shape: tuple[int, ...]
    dtype: str = "float32"
    largest: int = 0
    """For whole numbers: they lie in [0, largest)."""

    def draw(self, num_rows: int, seed: int) -> NDArray[Any]:
        """Random rows, shape (num_rows, *shape); whole numbers end with some zeros, as padded sequences do."""
        random = np.random.default_rng(seed)
        if not self.largest:
            return random.normal(0, 1, (num_rows, *self.shape)).astype(self.dtype)
        rows = random.integers(1, self.largest, (num_rows, *self.shape)).astype(self.dtype)
        if len(self.shape) == 1 and self.shape[0] > 2:
            rows[1::2, -2:] = 0
        return rows


@dataclass(frozen=True)
class Architecture:
    """One model: how it is made, what it takes and what it is trained for."""

    build: Callable[[Any], Any]
    inputs: Mapping[str, Rows]
    """By the names of the model's inputs."""
    targets: Mapping[str, Literal["classes", "numbers", "labels", "mask"]]
    """By the names of its outputs: a class, numbers of the answer's shape, yes or no, or a class for each pixel."""

    def model(self, library: Any, seed: int = 0) -> Any:
        """The model with weights drawn by `seed`."""
        library.backend.clear_session()
        library.utils.set_random_seed(seed)
        return self.build(library)


def _classes(library: Any, x: Any, name: str = "answer") -> Any:
    return library.layers.Dense(CLASSES, activation="softmax", name=name)(x)


def _mlp(library: Any) -> Any:
    layers = library.layers
    return library.Sequential(
        [
            library.Input((8,), name="rows"),
            layers.Dense(16, activation="relu", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dropout(0.2),
            layers.Dense(CLASSES, activation="softmax", name="answer"),
        ]
    )


def _convnet(library: Any) -> Any:
    layers = library.layers
    return library.Sequential(
        [
            library.Input((12, 12, 1), name="rows"),
            layers.Rescaling(1 / 255),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(8, 3, activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(CLASSES, activation="softmax", name="answer"),
        ]
    )


def _mobilenet(library: Any) -> Any:
    return library.applications.MobileNetV2((32, 32, 3), alpha=0.35, weights=None, classes=CLASSES)


def _efficientnet(library: Any) -> Any:
    return library.applications.EfficientNetB0(weights=None, input_shape=(32, 32, 3), classes=CLASSES)


def _resnet(library: Any) -> Any:
    layers = library.layers
    rows = library.Input((16, 16, 3), name="rows")
    x = layers.Conv2D(8, 3, padding="same", use_bias=False)(rows)
    for filters in (8, 16):
        short = layers.Conv2D(filters, 1, strides=2, use_bias=False)(x)
        x = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same", use_bias=False)(x))
        x = layers.ReLU()(x + short)
    return library.Model(rows, _classes(library, layers.GlobalAveragePooling2D()(x)))


def _transfer(library: Any) -> Any:
    layers = library.layers
    base = library.Sequential(
        [library.Input((16, 16, 3)), layers.Conv2D(8, 3), layers.BatchNormalization(), layers.ReLU()], name="base"
    )
    base.trainable = False
    rows = library.Input((16, 16, 3), name="rows")
    x = layers.RandomFlip("horizontal")(rows)
    x = layers.GlobalAveragePooling2D()(base(x, training=False))
    return library.Model(rows, _classes(library, layers.Dropout(0.2)(x)))


def _unet(library: Any) -> Any:
    layers = library.layers
    rows = library.Input((16, 16, 3), name="rows")
    first = layers.Conv2D(8, 3, padding="same", activation="relu")(rows)
    deep = layers.Conv2D(16, 3, padding="same", activation="relu")(layers.MaxPooling2D()(first))
    up = layers.Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu")(deep)
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(layers.Concatenate()([up, first]))
    return library.Model(rows, layers.Conv2D(3, 1, activation="softmax", name="answer")(x))


def _encoder(library: Any, x: Any, size: int) -> Any:
    layers = library.layers
    attended = layers.MultiHeadAttention(2, size // 2, dropout=0.1)(x, x)
    x = layers.LayerNormalization(epsilon=1e-6)(x + attended)
    forward = layers.Dense(size)(layers.Dense(2 * size, activation="gelu")(x))
    return layers.LayerNormalization(epsilon=1e-6)(x + layers.Dropout(0.1)(forward))


def _transformer(library: Any) -> Any:
    layers = library.layers
    ids = library.Input((10,), dtype="int32", name="ids")
    x = layers.Embedding(30, 8)(ids)
    x = _encoder(library, _encoder(library, x, 8), 8)
    return library.Model(ids, _classes(library, layers.GlobalAveragePooling1D()(x)))


def _vision_transformer(library: Any) -> Any:
    layers = library.layers
    rows = library.Input((16, 16, 3), name="rows")
    x = layers.Reshape((16, 12))(layers.Conv2D(12, 4, strides=4)(rows))
    x = _encoder(library, x * 0.5, 12)
    return library.Model(rows, _classes(library, layers.Flatten()(x)))


def _text_cnn(library: Any) -> Any:
    layers = library.layers
    ids = library.Input((12,), dtype="int32", name="ids")
    x = layers.Embedding(30, 8)(ids)
    pooled = [layers.GlobalMaxPooling1D()(layers.Conv1D(8, size, activation="relu")(x)) for size in (2, 3, 4)]
    return library.Model(ids, _classes(library, layers.Concatenate()(pooled)))


def _masked_gru(library: Any) -> Any:
    layers = library.layers
    ids = library.Input((10,), dtype="int32", name="ids")
    x = layers.Bidirectional(layers.GRU(6, return_sequences=True))(layers.Embedding(30, 8, mask_zero=True)(ids))
    return library.Model(ids, _classes(library, layers.Bidirectional(layers.GRU(6))(x)))


def _lstm(library: Any) -> Any:
    layers = library.layers
    rows = library.Input((10, 3), name="rows")
    x = layers.LSTM(8, return_sequences=True, dropout=0.1)(layers.Masking()(rows))
    return library.Model(rows, layers.Dense(1, name="answer")(layers.LSTM(8)(x)))


def _stacked_cells(library: Any) -> Any:
    layers = library.layers
    rows = library.Input((10, 3), name="rows")
    x = layers.RNN(layers.StackedRNNCells([layers.LSTMCell(6), layers.GRUCell(5)]))(rows)
    return library.Model(rows, _classes(library, x))


def _time_series(library: Any) -> Any:
    layers = library.layers
    rows = library.Input((40, 1), name="rows")
    x = rows
    for _ in range(2):
        x = layers.Conv1D(8, 3, padding="same")(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    return library.Model(rows, _classes(library, layers.GlobalAveragePooling1D()(x)))


def _video(library: Any) -> Any:
    layers = library.layers
    picture = library.Sequential(
        [library.Input((8, 8, 1)), layers.Conv2D(4, 3, activation="relu"), layers.GlobalAveragePooling2D()]
    )
    rows = library.Input((5, 8, 8, 1), name="rows")
    return library.Model(rows, _classes(library, layers.GRU(6)(layers.TimeDistributed(picture)(rows))))


def _autoencoder(library: Any) -> Any:
    layers = library.layers
    encoder = library.Sequential([library.Input((12,)), layers.Dense(6, activation="elu"), layers.Dense(2)])
    decoder = library.Sequential([library.Input((2,)), layers.Dense(6, activation="elu"), layers.Dense(12)])
    rows = library.Input((12,), name="rows")
    outputs = layers.Activation("linear", name="answer")(decoder(encoder(rows)))
    return library.Model(rows, outputs)


def _siamese(library: Any) -> Any:
    layers = library.layers
    tower = library.Sequential([library.Input((8,)), layers.Dense(8, activation="relu"), layers.Dense(4)], name="tower")
    left, right = library.Input((8,), name="left"), library.Input((8,), name="right")
    shared = layers.Dense(8, activation="tanh")
    difference = layers.Subtract()([tower(shared(left)), tower(shared(right))])
    return library.Model([left, right], layers.Dense(1, activation="sigmoid", name="same")(difference**2))


def _wide_and_deep(library: Any) -> Any:
    layers = library.layers
    wide = library.Input((6,), name="wide")
    city, shop = (library.Input((1,), dtype="int32", name=name) for name in ("city", "shop"))
    parts = [layers.Flatten()(layers.Embedding(size, 4)(ids)) for ids, size in ((city, 9), (shop, 20))]
    deep = layers.Dense(16, activation="relu")(layers.Concatenate()([wide, *parts]))
    both = layers.Concatenate()([wide, deep])
    return library.Model([wide, city, shop], layers.Dense(1, activation="sigmoid", name="bought")(both))


def _many_to_many(library: Any) -> Any:
    layers = library.layers
    picture, columns = library.Input((8, 8, 1), name="picture"), library.Input((5,), name="columns")
    x = layers.Flatten()(layers.Conv2D(4, 3, activation="relu")(picture))
    x = layers.Concatenate()([x, layers.Dense(6, activation="swish")(columns)])
    outputs = {"kind": _classes(library, x, "kind"), "price": layers.Dense(1, name="price")(x)}
    return library.Model({"picture": picture, "columns": columns}, outputs)


def _separable(library: Any) -> Any:
    layers = library.layers
    rows = library.Input((16, 16, 3), name="rows")
    x = layers.SeparableConv2D(8, 3, activation="relu")(rows / 255.0)
    gate = layers.Reshape((1, 1, 8))(layers.Dense(8, activation="sigmoid")(layers.GlobalAveragePooling2D()(x)))
    x = layers.PReLU(shared_axes=[1, 2])(layers.GroupNormalization(4)(x * gate))
    return library.Model(rows, _classes(library, layers.GlobalAveragePooling2D()(x)))


_ROWS16 = {"rows": Rows((16, 16, 3))}
_IDS10 = {"ids": Rows((10,), "int32", 30)}
_ONE: Mapping[str, Literal["classes"]] = {"answer": "classes"}
ARCHITECTURES: Mapping[str, Architecture] = {
    "mlp": Architecture(_mlp, {"rows": Rows((8,))}, _ONE),
    "convnet": Architecture(_convnet, {"rows": Rows((12, 12, 1))}, _ONE),
    "mobilenet-v2": Architecture(_mobilenet, {"input_1": Rows((32, 32, 3))}, {"predictions": "classes"}),
    "efficientnet-b0": Architecture(_efficientnet, {"input_1": Rows((32, 32, 3))}, {"predictions": "classes"}),
    "resnet": Architecture(_resnet, _ROWS16, _ONE),
    "transfer": Architecture(_transfer, _ROWS16, _ONE),
    "u-net": Architecture(_unet, _ROWS16, {"answer": "mask"}),
    "transformer": Architecture(_transformer, _IDS10, _ONE),
    "vision-transformer": Architecture(_vision_transformer, _ROWS16, _ONE),
    "text-cnn": Architecture(_text_cnn, {"ids": Rows((12,), "int32", 30)}, _ONE),
    "masked-gru": Architecture(_masked_gru, _IDS10, _ONE),
    "lstm": Architecture(_lstm, {"rows": Rows((10, 3))}, {"answer": "numbers"}),
    "stacked-cells": Architecture(_stacked_cells, {"rows": Rows((10, 3))}, _ONE),
    "time-series": Architecture(_time_series, {"rows": Rows((40, 1))}, _ONE),
    "video": Architecture(_video, {"rows": Rows((5, 8, 8, 1))}, _ONE),
    "autoencoder": Architecture(_autoencoder, {"rows": Rows((12,))}, {"answer": "numbers"}),
    "siamese": Architecture(_siamese, {"left": Rows((8,)), "right": Rows((8,))}, {"same": "labels"}),
    "wide-and-deep": Architecture(
        _wide_and_deep,
        {"wide": Rows((6,)), "city": Rows((1,), "int32", 9), "shop": Rows((1,), "int32", 20)},
        {"bought": "labels"},
    ),
    "many-to-many": Architecture(
        _many_to_many,
        {"picture": Rows((8, 8, 1)), "columns": Rows((5,))},
        {"kind": "classes", "price": "numbers"},
    ),
    "separable": Architecture(_separable, _ROWS16, _ONE),
}
"""By name. The inputs' names of `keras.applications` are the library's own: take the model's."""
