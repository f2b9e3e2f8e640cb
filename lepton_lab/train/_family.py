"""`LeptonModel`: a ready family of models, sized by two numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.types import Scaling

if TYPE_CHECKING:
    import tf_keras


def LeptonModel(  # noqa: N802  # reads as the class of models that it stands for
    input_shape: tuple[int, ...],
    num_classes: int,
    hidden_size: int = 64,
    num_layers: int = 2,
    *,
    kind: str = "mlp",
    scaling: Scaling | None = None,
    regression: bool = False,
    multilabel: bool = False,
    classifier_activation: str | None = "softmax",
) -> tf_keras.Model:
    """Build a model that takes raw rows: their scaling is its first layer.

    Parameters
    ----------
    input_shape
        Shape of one row: (features,) for a table, (height, width, channels) or (height, width) for a picture.
    num_classes
        Length of the answer: softmax probabilities, with `multilabel` a sigmoid's for each label by itself, or with
        `regression` plain numbers.
    hidden_size
        Units of each hidden layer; for `cnn` the filters of the second block (the first has half) and the units of the
        dense layer after the blocks.
    num_layers
        Hidden layers; for `cnn` blocks of 3 x 3 convolution and, as long as the picture is at least 4 pixels wide,
        2 x 2 max pooling.
    kind
        `mlp` (any row, flattened) or `cnn` (pictures).
    classifier_activation
        As Keras's applications have it: `softmax`, or None for an answer of logits, also of several labels; without
        meaning for regression.

    Returns
    -------
    tf_keras.Model
        Functional, not compiled; input float32 (batch, *input_shape), output float32 (batch, num_classes).

    Raises
    ------
    InputError
        If a size is not positive, or a `cnn` is asked for rows that are not pictures.
    """
    if classifier_activation not in ("softmax", None):
        raise InputError(f"classifier_activation is {classifier_activation!r}, but must be 'softmax' or None.")
    for name, value in (("num_classes", num_classes), ("hidden_size", hidden_size), ("num_layers", num_layers)):
        if value < 1:
            raise InputError(f"{name} is {value}, but must be at least 1.")
    if kind not in ("mlp", "cnn"):
        raise UnknownNameError("kind of model", kind, ("mlp", "cnn"))
    if kind == "cnn" and len(input_shape) not in (2, 3):
        raise InputError(
            "A cnn takes pictures of shape (height, width, channels) or (height, width), but the rows have shape "
            f"{tuple(input_shape)}: "
            "use --kind mlp."
        )
    from tf_keras import Input, Model, layers

    inputs = Input(tuple(input_shape), name="rows")
    x: Any = _scaling_layer(scaling or Scaling())(inputs)
    if kind == "cnn":
        x = layers.Reshape((*input_shape, 1), name="channel")(x) if len(input_shape) == 2 else x
        for number in range(1, num_layers + 1):
            filters = max(4, hidden_size * number // 2)
            x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"convolution_{number}")(x)
            if min(x.shape[1:3]) >= 4:
                x = layers.MaxPooling2D(name=f"pooling_{number}")(x)
        x = layers.Flatten(name="flatten")(x)
        x = layers.Dense(hidden_size, activation="relu", name="dense")(x)
    else:
        x = layers.Flatten(name="flatten")(x) if len(input_shape) > 1 else x
        for number in range(1, num_layers + 1):
            x = layers.Dense(hidden_size, activation="relu", name=f"dense_{number}")(x)
    activation = "sigmoid" if multilabel and classifier_activation else classifier_activation
    outputs = layers.Dense(num_classes, activation=None if regression else activation, name="answer")(x)
    return Model(inputs, outputs, name=kind)


def _scaling_layer(scaling: Scaling) -> Any:
    """`(x - mean) / deviation` as a layer: of whole rows, or of each column by itself."""
    from tf_keras import layers

    if len(scaling.mean) == 1:
        return layers.Rescaling(1.0 / scaling.deviation[0], -scaling.mean[0] / scaling.deviation[0], name="scaling")
    # Not Rescaling with a list: TensorFlow's converter would fold that into the next layer's weights, so that raw
    # columns of very different ranges meet in a layer that is to be quantised.
    variance = [deviation**2 for deviation in scaling.deviation]
    return layers.Normalization(mean=list(scaling.mean), variance=variance, name="scaling")
