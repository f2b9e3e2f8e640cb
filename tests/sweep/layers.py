"""Each layer class and activation of tf_keras and of Keras 3 in the smallest sensible model, for sweeps over all.

Nothing is listed by hand that the libraries can tell: the classes and functions are theirs, and `SPECS` only says what
rows a layer takes and what it can't be made without. A layer that a new version adds and that no line here knows is
made without settings on rows of shape (5,), and fails loudly if that is wrong.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

ROW, STEPS, PICTURE, VIDEO = (5,), (6, 4), (8, 8, 3), (4, 6, 6, 2)
CLASSES = 3
"""Of the model's answer, where it has numbers."""


@dataclass(frozen=True)
class Spec:
    """What a layer takes and what it must be told."""

    shape: tuple[int, ...] = ROW
    """Of a row of each input."""
    settings: Mapping[str, Any] | Callable[[Any], Mapping[str, Any]] = field(default_factory=dict)
    """For the constructor; a function gets the library, for layers inside."""
    dtype: str = "float32"
    inputs: int = 1
    """How many inputs of that shape it is called on, in a list."""
    call: Callable[[Any, Any], Any] = lambda layer, inputs: layer(inputs)
    """How it is called, on one tensor or a list of them."""
    has_numbers: bool = True
    """Whether its answers can go on into a Dense layer."""


def _crop(library: Any) -> dict[str, Any]:
    """Keras 3 leaves larger pictures as they are outside of training, so that nothing behind it fits."""
    size = 8 if library.__name__ == "keras" else 6
    return {"height": size, "width": size}


def _cell(library: Any) -> Mapping[str, Any]:
    return {"cell": library.layers.LSTMCell(4)}


_WORDS = ["red", "green", "blue"]
_CONV: Mapping[str, Any] = {"filters": 4, "kernel_size": 3}
SPECS: dict[str, Spec] = {
    "AbsMaxQuantizer": Spec(),
    "Activation": Spec(settings={"activation": "relu"}),
    "AdditiveAttention": Spec(STEPS, inputs=2),
    "Attention": Spec(STEPS, inputs=2),
    "AugMix": Spec(PICTURE),
    "Bidirectional": Spec(STEPS, lambda library: {"layer": library.layers.LSTM(4)}),
    "CategoryEncoding": Spec((1,), {"num_tokens": 7, "output_mode": "one_hot"}, "int32"),
    "CenterCrop": Spec(PICTURE, {"height": 6, "width": 6}),
    "Concatenate": Spec(inputs=2),
    "Cropping1D": Spec(STEPS),
    "Dense": Spec(settings={"units": 4}),
    "Discretization": Spec(settings={"bin_boundaries": [-1.0, 0.0, 1.0]}),
    "Dot": Spec(settings={"axes": 1}, inputs=2),
    "Dropout": Spec(settings={"rate": 0.3}),
    "EinsumDense": Spec(STEPS, {"equation": "abc,cd->abd", "output_shape": (6, 4), "bias_axes": "d"}),
    "Embedding": Spec((6,), {"input_dim": 11, "output_dim": 4}, "int32"),
    "GroupNormalization": Spec((8, 8, 4), {"groups": 2}),
    "GroupQueryAttention": Spec(
        STEPS,
        {"head_dim": 4, "num_query_heads": 4, "num_key_value_heads": 2},
        call=lambda layer, x: layer(x, x),
    ),
    "HashedCrossing": Spec((1,), {"num_bins": 7}, "int32", inputs=2),
    "Hashing": Spec((3,), {"num_bins": 7}, "int32"),
    "IntegerLookup": Spec((3,), {"vocabulary": [12, 36, 1138]}, "int64"),
    "LocallyConnected1D": Spec(STEPS, _CONV),
    "LocallyConnected2D": Spec(PICTURE, _CONV),
    "Masking": Spec(STEPS),
    "MaxNumBoundingBoxes": Spec(PICTURE, {"max_number": 4}),
    "MelSpectrogram": Spec(
        (256,), {"num_mel_bins": 8, "sampling_rate": 8000, "sequence_stride": 64, "fft_length": 128}
    ),
    "MultiHeadAttention": Spec(STEPS, {"num_heads": 2, "key_dim": 4}, call=lambda layer, x: layer(x, x)),
    "Normalization": Spec(settings={"mean": [0.0, 1.0, 2.0, 3.0, 4.0], "variance": [1.0, 2.0, 3.0, 4.0, 5.0]}),
    "Permute": Spec(STEPS, {"dims": (2, 1)}),
    "Pipeline": Spec(PICTURE, lambda library: {"layers": [library.layers.Rescaling(0.1)]}),
    "RNN": Spec(STEPS, _cell),
    "RandAugment": Spec(PICTURE),
    "RandomCrop": Spec(PICTURE, _crop),
    "RepeatVector": Spec(settings={"n": 3}),
    "Rescaling": Spec(settings={"scale": 0.1, "offset": 1.0}),
    "Reshape": Spec(settings={"target_shape": (5, 1)}),
    "Resizing": Spec(PICTURE, {"height": 4, "width": 4}),
    "ReversibleEmbedding": Spec((6,), {"input_dim": 11, "output_dim": 4}, "int32"),
    "SpectralNormalization": Spec(PICTURE, lambda library: {"layer": library.layers.Conv2D(4, 3)}),
    "STFTSpectrogram": Spec((256, 1), {"frame_length": 64, "frame_step": 32, "fft_length": 64}),
    "StackedRNNCells": Spec(
        STEPS,
        lambda library: {"cells": [library.layers.LSTMCell(4), library.layers.GRUCell(3)]},
    ),
    "StringLookup": Spec((3,), {"vocabulary": _WORDS}, "string"),
    "Subtract": Spec(inputs=2),
    "TextVectorization": Spec((1,), {"vocabulary": _WORDS, "output_sequence_length": 4}, "string"),
    "TimeDistributed": Spec(STEPS, lambda library: {"layer": library.layers.Dense(3)}),
    "ZeroPadding1D": Spec(STEPS),
}
_FAMILIES: tuple[tuple[str, Spec], ...] = (
    ("AdaptiveAveragePooling", Spec(settings={"output_size": 2})),
    ("AdaptiveMaxPooling", Spec(settings={"output_size": 2})),
    ("ConvLSTM", Spec(settings=_CONV)),
    ("SeparableConv", Spec(settings=_CONV)),
    ("DepthwiseConv", Spec(settings={"kernel_size": 3})),
    ("Conv", Spec(settings=_CONV)),
    ("SpatialDropout", Spec(settings={"rate": 0.3})),
    ("AveragePooling", Spec(settings={"pool_size": 2})),
    ("MaxPooling", Spec()),
    ("GlobalAveragePooling", Spec()),
    ("GlobalMaxPooling", Spec()),
    ("Cropping", Spec()),
    ("UpSampling", Spec()),
    ("ZeroPadding", Spec()),
)
"""By the beginning of a name that ends with 1D, 2D or 3D."""
_BY_DIMENSION = {"1D": STEPS, "2D": PICTURE, "3D": VIDEO}
_RECURRENT = ("LSTM", "GRU", "SimpleRNN")
_OF_RATE = ("AlphaDropout", "GaussianDropout", "GaussianNoise")
_OF_FACTOR = {
    "RandomBrightness": 0.2,
    "RandomContrast": 0.2,
    "RandomHeight": 0.2,
    "RandomRotation": 0.2,
    "RandomWidth": 0.2,
    "RandomPosterization": 4,
    "RandomSharpness": 0.5,
    "RandomHue": 0.2,
    "RandomSaturation": 0.5,
    "RandomColorDegeneration": 0.5,
}
_PAIRS = ("Add", "Average", "Maximum", "Minimum", "Multiply")

NOT_ALONE: Mapping[str, str] = {
    "AbstractRNNCell": "is for subclasses",
    "DenseFeatures": "takes feature columns of the removed tf.estimator",
    "FlaxLayer": "takes a module of another library",
    "InputLayer": "is every model's first",
    "JaxLayer": "takes a function of another library",
    "Lambda": "holds code",
    "Layer": "is for subclasses",
    "TFSMLayer": "takes a SavedModel",
    "TorchModuleWrapper": "takes a module of another library",
    "Wrapper": "is for subclasses",
}
"""Layer classes that no model can be made with here, and why."""


def layer_names(library: Any) -> list[str]:
    """All layer classes of a library that a model can be made with, each under one name."""
    base, found = library.layers.Layer, {}
    for name in sorted(vars(library.layers)):
        kind = getattr(library.layers, name)
        if not (inspect.isclass(kind) and issubclass(kind, base)) or name in NOT_ALONE:
            continue
        if kind not in found or kind.__name__ == name:
            found[kind] = name
    return sorted(found.values())


def activation_names(library: Any) -> list[str]:
    """All activation functions of a library that take nothing but a tensor."""
    return [
        name
        for name in sorted(vars(library.activations))
        if inspect.isfunction(function := getattr(library.activations, name))
        and name not in ("deserialize", "get", "serialize", "glu")  # Keras 3 itself can't go on from glu's half width
        and [key for key, value in inspect.signature(function).parameters.items() if value.default is value.empty]
        == ["x"]
    ]


def spec_of(name: str) -> Spec:
    """What a layer takes and must be told."""
    if name in SPECS:
        return SPECS[name]
    if name in _PAIRS:
        return Spec(inputs=2)
    if name in _RECURRENT:
        return Spec(STEPS, {"units": 4})
    if name in _OF_RATE:
        return Spec(settings={"stddev" if name == "GaussianNoise" else "rate": 0.3})
    if name.endswith("Cell"):
        return Spec(STEPS, {"units": 4})
    if name in _OF_FACTOR:
        return Spec(PICTURE, {"factor": _OF_FACTOR[name]})
    if name in ("RandomTranslation", "RandomZoom"):
        return Spec(PICTURE, {"height_factor": 0.2, "width_factor": 0.2})
    if name[-2:] in _BY_DIMENSION or "Transpose" in name:
        dimension = name.removesuffix("Transpose")[-2:]
        settings = next((spec.settings for start, spec in _FAMILIES if name.startswith(start)), {})
        shape = _BY_DIMENSION[dimension]
        if name.startswith("ConvLSTM"):
            shape = (3, *shape)
        return Spec(shape, settings)
    is_of_pictures = name.startswith("Random") or name in _OF_PICTURES
    return Spec(PICTURE if is_of_pictures else ROW)


_OF_PICTURES = (
    *("AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization", "CutMix", "Equalization", "MixUp"),
    *("Solarization", "SpatialDropout2D"),
)


def layer_model(library: Any, name: str) -> Any:
    """A functional model of one layer, with a Dense layer behind where it answers numbers; all weights are random."""
    spec = spec_of(name)
    library.utils.set_random_seed(0)
    settings = spec.settings(library) if callable(spec.settings) else spec.settings
    layer = getattr(library.layers, name)(**settings)
    if name.endswith(("Cell", "Cells")):
        layer = library.layers.RNN(layer)
    inputs = [library.Input(spec.shape, dtype=spec.dtype, name=f"rows_{n}") for n in range(spec.inputs)]
    answer = spec.call(layer, inputs if spec.inputs > 1 else inputs[0])
    model = library.Model(inputs if spec.inputs > 1 else inputs[0], _headed(library, answer), name="small")
    return _drawn(model)


def _drawn(model: Any) -> Any:
    """The same model with every float weight moved at random: means and factors too, which begin as 0 and 1."""
    random = np.random.default_rng(0)
    weights = model.get_weights()
    moved = [w + random.uniform(0.1, 0.5, w.shape).astype(w.dtype) if w.dtype.kind == "f" else w for w in weights]
    model.set_weights(moved)
    return model


def activation_model(library: Any, name: str) -> Any:
    """A Sequential model with an activation inside a layer and as a layer of its own; weights drawn by seed 0."""
    library.utils.set_random_seed(0)
    layers = library.layers
    return library.Sequential(
        [library.Input((6,)), layers.Dense(8, activation=name), layers.Activation(name), layers.Dense(CLASSES)]
    )


def _headed(library: Any, answer: Any) -> Any:
    tensors = answer if isinstance(answer, (list, tuple)) else [answer]
    return [_head(library, tensor) for tensor in tensors] if len(tensors) > 1 else _head(library, tensors[0])


def _head(library: Any, tensor: Any) -> Any:
    layers = library.layers
    if "string" in str(tensor.dtype):
        return tensor
    if "int" in str(tensor.dtype):
        tensor = layers.Rescaling(1.0)(tensor)
    if len(tensor.shape) == 1:
        tensor = layers.Reshape((1,))(tensor)
    if len(tensor.shape) == 4 and None in tensor.shape[1:]:  # of any size after a random one
        tensor = layers.GlobalAveragePooling2D()(tensor)
    if len(tensor.shape) > 2:
        tensor = layers.Flatten()(tensor)
    return layers.Dense(CLASSES)(tensor)
