"""A model that only Keras 3 has, trained on digits, made once for all the tests that want one."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from lepton_lab.types import Model
from tests.models_fixture import made, make_digits, once, save


def network(dropout: float = 0.0) -> Any:
    """Functions between layers, a slice, an activation of its own, a frozen layer, regularisers and a constraint."""
    from lepton_lab.runtime import import_keras3

    keras = import_keras3()
    layers, ops = keras.layers, keras.ops
    keras.utils.set_random_seed(3)
    rows = keras.Input((8, 8, 1), name="rows")
    x = layers.Rescaling(1 / 16, name="scale")(rows)
    x = layers.Conv2D(
        16,
        3,
        activation="hard_silu",
        kernel_regularizer="l2",
        kernel_constraint=keras.constraints.MaxNorm(0.9),
        name="conv2d",
    )(x)
    x = layers.BatchNormalization(name="batch_normalization")(x)
    frozen = layers.Conv2D(16, 3, padding="same", name="frozen", trainable=False)
    x = layers.Flatten()(ops.relu6(frozen(x) * 2.0) + x)
    x = layers.Dropout(dropout)(x)[:, :512]
    x = layers.Dense(32, activation="silu", activity_regularizer=keras.regularizers.L2(1e-4), name="hidden")(x)
    return keras.Model(rows, layers.Dense(10, activation="softmax", name="digit")(x))


@once
def make_native() -> Model:
    """The network after two epochs of Keras 3's own `fit`."""
    _, dataset = make_digits()
    x, y = (np.load(dataset.folder / "train" / f"{part}.npy") for part in "xy")
    model = network()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x.astype("float32"), y, epochs=2, batch_size=64, verbose=0)
    return dataclasses.replace(save(model, dataset, made() / "models" / "native", "added"), library="keras")
