"""Builders of one model of each kind that every technique, format and explanation is tried on, for pictures."""

from __future__ import annotations

_HEAD = """
def build(input_shape, num_classes):
    rows = keras.Input(input_shape, name="rows")
    x = keras.layers.Rescaling(1 / 16, name="scaling")(rows)
"""
_TAIL = """
    outputs = keras.layers.Dense(num_classes, activation="softmax", name="answer")(x)
    return keras.Model(rows, outputs, name="{name}")
"""

_BODIES = {
    "mlp": """
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(64, activation="relu", name="dense_1")(x)
    x = keras.layers.Dense(64, activation="relu", name="dense_2")(x)
""",
    "cnn": """
    x = keras.layers.Conv2D(16, 3, padding="same", activation="relu", name="conv_1")(x)
    x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Conv2D(32, 3, padding="same", activation="relu", name="conv_2")(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(64, activation="relu", name="dense")(x)
""",
    "skip": """
    x = keras.layers.Conv2D(24, 3, padding="same", use_bias=False, name="stem")(x)
    x = keras.layers.BatchNormalization(momentum=0.9, name="stem_norm")(x)
    x = keras.layers.ReLU()(x)
    for n in (1, 2):
        y = keras.layers.Conv2D(24, 3, padding="same", use_bias=False, name=f"block_{n}_conv")(x)
        y = keras.layers.BatchNormalization(momentum=0.9, name=f"block_{n}_norm")(y)
        y = keras.layers.ReLU()(y)
        x = keras.layers.Add(name=f"block_{n}_add")([x, y])
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(48, activation="relu", name="dense")(x)
""",
    "depthwise": """
    x = keras.layers.Conv2D(24, 3, padding="same", use_bias=False, name="stem")(x)
    x = keras.layers.BatchNormalization(momentum=0.9, name="stem_norm")(x)
    x = keras.layers.ReLU(6.0)(x)
    x = keras.layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="depthwise")(x)
    x = keras.layers.BatchNormalization(momentum=0.9, name="depthwise_norm")(x)
    x = keras.layers.ReLU(6.0)(x)
    x = keras.layers.Conv2D(48, 1, use_bias=False, name="pointwise")(x)
    x = keras.layers.BatchNormalization(momentum=0.9, name="pointwise_norm")(x)
    x = keras.layers.ReLU(6.0)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(48, activation="relu", name="dense")(x)
""",
    "lstm": """
    x = keras.layers.Reshape((input_shape[0], input_shape[1] * input_shape[2]))(x)
    x = keras.layers.LSTM(48, name="lstm")(x)
""",
}

BUILDERS = {name: _HEAD + body + _TAIL.format(name=name) for name, body in _BODIES.items()}
"""Source of a function `build(input_shape, num_classes)` by the model's name, as `lab.model.new(builder=...)` takes it.

`mlp`; `cnn`; `skip`: functional, with skip connections and batch normalisation; `depthwise`: a depthwise separable
convolution with ReLU6; `lstm`: rows of a picture as steps in time.
"""
