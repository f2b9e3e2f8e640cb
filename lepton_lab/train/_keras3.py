"""A Keras 3 model made again in tf_keras, call by call.

The two libraries share their layers but for details: a setting's name, a function that one of them lacks or defines
otherwise, how arithmetic between layers is written. So the graph of a Keras 3 model is walked in the order in which it
computes, each layer is made by the settings that both know, and called on what the twins of its inputs gave. Arithmetic
is done by the very functions of TensorFlow that Keras 3 calls. What has no equal is refused by name, and whether all
was equal is not believed but tried: see `_proof.py`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain, takewhile
from typing import Any

import numpy as np

from lepton_lab.runtime import one_line

_TWINS = {"TFDConcat": "Concatenate", "TFDIdentity": "Identity"}
"""Layers that tf_keras calls otherwise: those that a FeatureSpace puts between its preprocessing layers."""
_OTHER_NAMES = {"LeakyReLU": {"negative_slope": "alpha"}}
"""Settings that tf_keras calls otherwise, by layer."""
_OF_KERAS3_ALONE = frozenset(("quantization_config", "lora_rank", "lora_alpha", "seed"))
"""Settings that say nothing of what a layer computes, other than its random numbers, which differ anyway."""
_NAMELESS = ("zero_output_for_mask",)
"""Settings that tf_keras takes though no signature has them."""
_OPERATORS: Mapping[str, Callable[..., Any]] = {
    "Add": lambda x1, x2: x1 + x2,
    "Subtract": lambda x1, x2: x1 - x2,
    "Multiply": lambda x1, x2: x1 * x2,
    "Divide": lambda x1, x2: x1 / x2,
    "TrueDivide": lambda x1, x2: x1 / x2,
    "Power": lambda x1, x2: x1**x2,
    "Negative": lambda x: -x,
}
"""Operations that are written as Python's operators, where all that goes in is of one float dtype."""
_MERGES = ("Add", "Subtract", "Multiply", "Maximum", "Minimum")
"""Operations on two alike tensors for which there is a layer."""


class NoEqualError(Exception):
    """What tf_keras has no equal of; its text names the layer."""


@dataclass(frozen=True)
class Step:
    """One call on the way through a model."""

    layer: str
    theirs: list[Any]
    """The symbolic tensors that it gave in Keras 3."""
    ours: list[Any]
    """Those that its twin gave in tf_keras."""


@dataclass(frozen=True)
class Twin:
    """The tf_keras model, and what was called on the way."""

    model: Any
    steps: list[Step]
    """In the order in which they compute."""


def to_tf_keras(model: Any) -> Twin:
    """Make a Sequential or functional model of Keras 3 again in tf_keras, with its weights.

    Raises
    ------
    NoEqualError
        If a layer, one of its settings or a function has no equal.
    """
    steps: list[Step] = []
    try:
        return Twin(_Maker().model(model, steps), steps)
    except NoEqualError:
        raise
    except Exception as error:  # whatever tf_keras makes of what it doesn't know
        raise NoEqualError(f"it can't be made in tf_keras: {type(error).__name__}: {one_line(error)}") from None


class _Maker:
    """Makes each layer once, however often and at whatever depth it is called."""

    def __init__(self) -> None:
        self._made: dict[int, Any] = {}
        """The twins, by the identity of Keras 3's layers."""
        self._left: dict[int, tuple[str, Any]] = {}
        """By the same: the activation that a twin leaves to be done, and the layer with whose name that ends."""

    def model(self, source: Any, steps: list[Step] | None = None) -> Any:
        """The twin of a whole model; `steps` gets its calls."""
        if id(source) not in self._made:
            calls: list[Step] = [] if steps is None else steps
            self._made[id(source)] = self._sequential(source, calls) or self._functional(source, calls)
        return self._made[id(source)]

    def _sequential(self, source: Any, steps: list[Step]) -> Any:
        """A Sequential's twin, or None if it can't be one: a layer becomes two, or it isn't Sequential."""
        import keras
        import tf_keras

        if type(source) is not keras.Sequential:
            return None
        twins = [self._any_layer(layer) for layer in source.layers]
        if any(id(layer) in self._left for layer in source.layers):
            return None
        made = tf_keras.Sequential([_input(source.inputs[0]), *twins], name=source.name)
        calls = [node for node in _calls(source._functional) if isinstance(node.operation, keras.layers.Layer)]
        for node, twin in zip(calls, twins, strict=True):  # masks are compared and joined between them
            self._bring_weights(node.operation, twin)
            steps.append(Step(node.operation.name, list(node.outputs), [twin.get_output_at(-1)]))
        return made

    def _functional(self, source: Any, steps: list[Step]) -> Any:
        import keras
        import tf_keras

        graph = source._functional if type(source) is keras.Sequential else source
        tensors = {id(tensor): _input(tensor) for tensor in graph.inputs}
        for node in _calls(graph):
            args, kwargs = node.arguments.fill_in(tensors)
            operation = node.operation
            answers = keras.tree.flatten(self._call(operation, args, _as_called(node, kwargs)))
            if len(answers) != len(node.outputs):
                raise NoEqualError(f"the layer {operation.name!r} gives {len(answers)} tensors in tf_keras")
            tensors.update(zip(map(id, node.outputs), answers, strict=True))
            steps.append(Step(operation.name, list(node.outputs), answers))
        inputs = keras.tree.map_structure(lambda tensor: tensors[id(tensor)], graph._inputs_struct)
        outputs = keras.tree.map_structure(lambda tensor: _named(tensor, tensors[id(tensor)]), graph._outputs_struct)
        return tf_keras.Model(*(_one_if_alone(ends) for ends in (inputs, outputs)), name=source.name)

    def _call(self, operation: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """What the twin of a layer or of an operation gives for tensors of tf_keras."""
        import keras

        if not isinstance(operation, keras.layers.Layer):
            return _operate(operation, args, kwargs)
        twin = self._any_layer(operation)
        try:
            answer = twin(*args, **kwargs)
        except Exception as error:
            raise _unlike(operation, error) from None
        self._bring_weights(operation, twin)
        if id(operation) not in self._left:
            return answer
        activation, end = self._left[id(operation)]
        if getattr(answer, "_keras_mask", None) is not None:
            raise NoEqualError(f"the mask of {operation.name!r} would be lost with its activation {activation}")
        return end(_activate(operation, activation, answer))

    def _any_layer(self, source: Any) -> Any:
        """The twin of a layer or model."""
        import keras

        if isinstance(source, keras.Model):
            return self.model(source)
        if id(source) not in self._made:
            self._made[id(source)] = self._layer(source)
        return self._made[id(source)]

    def _layer(self, source: Any) -> Any:
        """A layer's twin, without its weights and without an activation that tf_keras doesn't have."""
        import tf_keras

        settings = source.get_config()
        activation = settings.get("activation")
        if _ends_with_activation(source) and isinstance(activation, str) and not _is_same_function(activation):
            settings |= {"activation": "linear", "name": f"{source.name}_linear"}
            self._left[id(source)] = (activation, tf_keras.layers.Activation("linear", name=source.name))
        if hasattr(source, "get_vocabulary"):  # one that was learnt is no setting
            settings["vocabulary"] = source.get_vocabulary(include_special_tokens=False)
            settings.pop("vocabulary_size", None)
        return self._from_settings(type(source), settings, source)

    def _from_settings(self, kind: Any, settings: Mapping[str, Any], source: Any = None) -> Any:
        """A layer of tf_keras by the settings of its namesake in Keras 3; `source` is that layer, where it is there."""
        import tf_keras

        label = f"the layer {settings.get('name', '?')!r}"
        twin = getattr(tf_keras.layers, _TWINS.get(kind.__name__, kind.__name__), None)
        if twin is None:
            raise NoEqualError(f"{label} is a {kind.__name__}, which tf_keras doesn't have")
        names = _OTHER_NAMES.get(kind.__name__, {})
        known = {names.get(key, key): self._setting(key, value, label, source) for key, value in settings.items()}
        _drop_unknown(known, kind, twin, label)
        if kind.__name__ == "RandomFlip" and known.get("mode") == "horizontal_and_vertical":
            raise NoEqualError(f"{label} flips both ways at once or not at all; tf_keras draws for each way")
        if kind.__name__ in ("IntegerLookup", "StringLookup", "TextVectorization"):
            known.pop("dtype")  # means something else in each library, and follows from the other settings
        if kind.__name__ == "Discretization" and known.get("bin_boundaries"):
            known["num_bins"] = None  # by which they were learnt
        try:
            return twin(**known)
        except Exception as error:
            raise NoEqualError(f"{label} can't be made in tf_keras: {one_line(error)}") from None

    def _setting(self, key: str, value: Any, label: str, source: Any) -> Any:
        """One setting: layers inside become layers, and what Keras 3 writes as an object what tf_keras does."""
        import keras

        if key == "dtype":
            return _dtype(value, label)
        if key.endswith("activation") and isinstance(value, str) and not _is_same_function(value):
            raise NoEqualError(f"{label} has the {key} {value}, which is another function in tf_keras")
        if isinstance(value, (list, tuple)) and value and all(isinstance(item, Mapping) for item in value):
            return [self._setting(key, item, label, source) for item in value]
        if not isinstance(value, Mapping) or "class_name" not in value:
            return value
        name, settings = str(value["class_name"]), dict(value.get("config") or {})
        inner = getattr(source, key, None)
        if isinstance(inner, keras.Model):
            return self.model(inner)
        if isinstance(found := getattr(keras.layers, name, None), type) and value.get("module") == "keras.layers":
            return self._from_settings(found, settings)
        return _part(key, name, settings, label)

    def _bring_weights(self, source: Any, twin: Any) -> None:
        import keras

        if isinstance(source, keras.Model) or isinstance(getattr(source, "layer", None), keras.Model):
            return  # brought layer by layer
        twin.set_weights([np.asarray(weight) for weight in _in_order_of(twin, source)])


def _calls(graph: Any) -> Iterator[Any]:
    """The calls of a functional graph in an order in which they can be made."""
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        yield from (node for node in graph._nodes_by_depth[depth] if not node.is_input)


def _input(tensor: Any) -> Any:
    import tf_keras

    name = tensor._keras_history.operation.name
    if getattr(tensor, "sparse", False) or getattr(tensor, "ragged", False):
        raise NoEqualError(f"the input {name!r} takes sparse or ragged tensors")
    return tf_keras.Input(tuple(tensor.shape[1:]), dtype=tensor.dtype, name=name)


def _named(source: Any, tensor: Any) -> Any:
    """The same tensor as the answer of a layer that has the name of Keras 3's: answers are known by it."""
    import tf_keras

    name = source._keras_history.operation.name
    if tensor.node.layer.name == name:
        return tensor
    return tf_keras.layers.Activation("linear", name=name, dtype=tensor.dtype)(tensor)


def _one_if_alone(ends: Any) -> Any:
    """A model's inputs or outputs, without the list or dict around a single one: it stands for nothing."""
    import keras

    flat = keras.tree.flatten(ends)
    return flat[0] if len(flat) == 1 else ends


def _as_called(node: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """A call's keyword arguments without those that Keras 3 filled in: tf_keras fills in its own.

    These are the masks that came with the tensors, and `training`: Keras 3 notes each layer's default there, which
    would switch a Dropout of tf_keras off for ever. Only a model inside another has one that was said by somebody.
    """
    import keras

    own = {id(getattr(tensor, "_keras_mask", None)) for tensor in keras.tree.flatten(node.arguments.args)}
    filled = {
        key
        for key, value in node.arguments.kwargs.items()
        if value is None
        or (key.endswith("mask") and {id(mask) for mask in keras.tree.flatten(value)} <= own | {id(None)})
        or (key == "training" and not (isinstance(node.operation, keras.Model) and value is False))
    }
    return {key: value for key, value in kwargs.items() if key not in filled}


def _operate(operation: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """What an operation between layers gives, done by a layer, Python's operators, or what Keras 3 calls itself."""
    import tf_keras

    name, values = type(operation).__name__, [*args, *kwargs.values()]
    tensors = [value for value in values if hasattr(value, "_keras_history")]
    is_alike = len({tensor.dtype for tensor in tensors}) == 1 and tensors[0].dtype.is_floating
    is_plain = is_alike and all(type(value) in (int, float) or hasattr(value, "_keras_history") for value in values)
    try:
        if name in _MERGES and is_plain and len(tensors) == 2 and tensors[0].shape == tensors[1].shape:
            return getattr(tf_keras.layers, name)(name=operation.name)(tensors)
        if name == "GetItem":
            return args[0][_without_ellipsis(args[1], len(args[0].shape))]
        if name in _OPERATORS and is_plain:
            return _OPERATORS[name](*args, **kwargs)
        return operation.call(*args, **kwargs)
    except Exception as error:
        raise _unlike(operation, error) from None


def _without_ellipsis(key: Any, rank: int) -> Any:
    """The same index with all that `...` stands for: tf_keras can't write it into a file."""
    keys = key if isinstance(key, (tuple, list)) else (key,)  # a file has lists for tuples
    given = sum(part is not None and part is not Ellipsis for part in keys)
    return tuple(chain.from_iterable([slice(None)] * (rank - given) if part is Ellipsis else [part] for part in keys))


def _activate(source: Any, name: str, tensor: Any) -> Any:
    """Keras 3's own activation function, done to a tensor of tf_keras."""
    import keras

    try:
        return keras.activations.get(name)(tensor)
    except Exception as error:
        raise _unlike(source, error) from None


def _unlike(source: Any, error: Exception) -> NoEqualError:
    kind = type(source).__name__
    return NoEqualError(f"{source.name!r} ({kind}) can't be called in tf_keras as it is in Keras 3: {one_line(error)}")


def _ends_with_activation(source: Any) -> bool:
    """Whether the last thing that a layer does is its activation."""
    kind = type(source).__name__
    return kind in ("Dense", "EinsumDense", "Activation") or ("Conv" in kind and "LSTM" not in kind)


@cache
def _is_same_function(activation: str) -> bool:
    """Whether both libraries mean the same by an activation's name."""
    import keras
    import tensorflow as tf
    import tf_keras

    values = tf.reshape(tf.linspace(-8.0, 8.0, 64), (4, 16))  # some of tf_keras's take tensors only
    try:
        theirs, ours = (library.activations.get(activation)(values) for library in (keras, tf_keras))
        return bool(np.allclose(theirs, ours, atol=1e-6))
    except Exception:  # one of them doesn't know it
        return False


def _dtype(value: Any, label: str) -> Any:
    """A dtype or mixed precision's name."""
    if isinstance(value, Mapping) and value.get("class_name") == "DTypePolicy":
        return value["config"]["name"]
    if isinstance(value, Mapping):
        raise NoEqualError(f"{label} has a {value.get('class_name')} for its dtype, which tf_keras doesn't have")
    return value


def _part(key: str, name: str, settings: dict[str, Any], label: str) -> Any:
    """An initializer, regularizer or constraint, or an array of numbers."""
    import keras
    import tf_keras

    if name in ("__numpy__", "__tensor__"):
        return np.asarray(settings["value"], settings["dtype"])
    family = next((word for word in ("initializers", "regularizers", "constraints") if key.endswith(word[:-1])), "")
    kind = getattr(getattr(keras, family, None), name, None)
    twin = getattr(getattr(tf_keras, family, None), name.removesuffix("Initializer"), None)
    if kind is None or twin is None:
        raise NoEqualError(f"{label} has a {name} for its {key}, which tf_keras doesn't have")
    _drop_unknown(settings, kind, twin, label)
    return twin(**settings)


def _drop_unknown(settings: dict[str, Any], kind: Any, twin: Any, label: str) -> None:
    """Take out what only Keras 3 knows, where it is at its default.

    Raises
    ------
    NoEqualError
        If it isn't: it says something that tf_keras can't be told.
    """
    known, defaults = _parameters(twin), _parameters(kind)
    for key in [key for key in settings if key not in known]:
        value = settings[key]
        is_default = value is None or key in _OF_KERAS3_ALONE or _plain(value) == _plain(defaults.get(key, False))
        if is_default or (key, value) == ("data_format", "channels_last"):
            del settings[key]
        elif key not in _NAMELESS:
            raise NoEqualError(f"{label} has {key}={value!r}, which tf_keras doesn't know")


@cache
def _parameters(kind: Any) -> dict[str, Any]:
    """The settings that a class can be made with, and their defaults."""
    kinds = [base for base in reversed(kind.__mro__) if "__init__" in vars(base)]
    found = {"activity_regularizer": None}  # taken by every layer of tf_keras, but not named
    for base in kinds:
        found |= {name: value.default for name, value in inspect.signature(base.__init__).parameters.items()}
    return found


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _in_order_of(twin: Any, source: Any) -> list[Any]:
    """The weights of Keras 3's layer in the order in which its twin takes them: by name, then by shape.

    Raises
    ------
    NoEqualError
        If the two don't have the same weights.
    """
    left = list(source.weights)
    found = []
    for variable in twin.weights:
        fitting = [weight for weight in left if tuple(weight.shape) == tuple(variable.shape)]
        if not fitting:
            break
        best = max(fitting, key=lambda weight: _shared_end(weight.path, variable.name.partition(":")[0]))
        left = [weight for weight in left if weight is not best]
        found.append(best)
    if left or len(found) != len(twin.weights):
        shapes = [[tuple(weight.shape) for weight in layer.weights] for layer in (source, twin)]
        raise NoEqualError(f"the layer {source.name!r} has the weights {shapes[0]} in Keras 3, {shapes[1]} in tf_keras")
    return found


def _shared_end(one: str, other: str) -> int:
    """How many of the last names in two paths are the same."""
    pairs = zip(reversed(one.split("/")), reversed(other.split("/")), strict=False)
    return len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))


def learn_variances(model: Any) -> None:
    """Have the batch normalisations of a twin learn variances as Keras 3 does.

    For pictures, tf_keras takes a fused kernel's variance, which is n / (n - 1) of the batch's. It can undo that, where
    n is surely more than 1.
    """
    import tf_keras

    for layer in model._flatten_layers(include_self=False, recursive=True):
        if isinstance(layer, tf_keras.layers.BatchNormalization) and layer.fused:
            if _has_places(layer):
                layer._bessels_correction_test_only = False
            else:
                layer.fused = False


def _has_places(layer: Any) -> bool:
    """Whether each row surely has several numbers in each channel."""
    try:
        sizes = [size for axis, size in enumerate(layer.input_shape) if axis and axis not in layer.axis]
    except (AttributeError, TypeError):  # it is wrapped, or shared by tensors of several shapes
        return False
    return None not in sizes and max(sizes, default=1) > 1
