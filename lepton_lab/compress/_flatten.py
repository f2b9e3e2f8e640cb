"""A model in the shape that tfmot takes: one graph of layers, each called with its tensors alone.

tfmot reads a model's config and takes it apart there. It refuses models inside the model (transfer learning), and loses
the way of tensors that are given as further arguments (the `y` of `x + y`, the value of an attention). So the layers of
inner models are called in their place, `x + y` and its like become the layers that do the same, an activation that
tfmot doesn't know becomes a layer of its own, and what is called in another way yet is put into a layer that is called
with a list of tensors. The answers stay the same to the last bit, or nearly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from lepton_lab.runtime import by_registered_name

_MERGES = {
    "__operators__.add": "Add",
    "math.add": "Add",
    "math.subtract": "Subtract",
    "math.multiply": "Multiply",
    "math.maximum": "Maximum",
    "math.minimum": "Minimum",
}
"""Functions of TensorFlow, as a model's operators record them, and the layers that do the same to two tensors."""
ACTIVATIONS = ("linear", "relu", "swish", "gelu", "softmax", "sigmoid", "tanh")
"""Those that tfmot knows within a layer."""
_ACTIVATED = ("Dense", "Conv2D", "DepthwiseConv2D", "Conv2DTranspose")
_NOISES = ("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianNoise", "GaussianDropout")


def flattened(model: Any) -> Any:
    """The same model with the same weights as one graph; the model itself where it is that already.

    Parameters
    ----------
    model
        A functional or sequential tf_keras model. A layer of an inner model called `base` is called `base_` and its
        own name in the result; where the inner model is called with `training=False`, its batch normalisation is frozen
        and its noise left out.
    """
    import tensorflow as tf
    import tf_keras

    if not _is_graph(model) or all(_is_plain(node) for node in _nodes(model)):
        return model
    parts = {type(part).__name__: type(part) for part in model.submodules if isinstance(part, tf_keras.layers.Layer)}
    given = [
        tf_keras.Input(batch_shape=rows.shape, dtype=rows.dtype, name=name)
        for name, rows in zip(model.input_names, model.inputs, strict=True)
    ]
    with tf_keras.utils.custom_object_scope(by_registered_name(parts)):
        maker = _Maker()
        answers = maker.answers(model, given, "", None)
    pack = tf.nest.pack_sequence_as
    return tf_keras.Model(pack(model._nested_inputs, given), pack(model._nested_outputs, answers), name=model.name)


def own_classes(model: Any) -> dict[str, Any]:
    """The classes of a model's layers by the names that their configs have, for reading these configs again."""
    parts = {type(layer).__name__: type(layer) for layer in model.submodules if hasattr(layer, "get_config")}
    return by_registered_name(parts)


class _Maker:
    """Calls the layers of models anew; a layer that is called more than once stays one layer."""

    def __init__(self) -> None:
        self._made: dict[int, Any] = {}
        self._apart = _apart_class()

    def answers(self, model: Any, given: list[Any], prefix: str, training: bool | None) -> list[Any]:
        """What a model answers to tensors, both flat.

        Parameters
        ----------
        prefix
            Of the new layers' names.
        training
            What the model is called with; None for nothing.
        """
        import tensorflow as tf

        known = {id(tensor): value for tensor, value in zip(model.inputs, given, strict=True)}

        def new(part: Any) -> Any:
            return known.get(id(part), part)

        for node in _nodes(model):
            args, kwargs = tf.nest.map_structure(new, (tuple(node.call_args), dict(node.call_kwargs)))
            answer = self._answer(node, args, kwargs, prefix, training)
            known |= {
                id(tensor): value
                for tensor, value in zip(tf.nest.flatten(node.outputs), tf.nest.flatten(answer), strict=True)
            }
        return [known[id(tensor)] for tensor in model.outputs]

    def _answer(
        self, node: Any, args: tuple[Any, ...], kwargs: dict[str, Any], prefix: str, training: bool | None
    ) -> Any:
        """What the layer of a node answers, called anew."""
        import tf_keras

        layer, kind = node.layer, type(node.layer).__name__
        own = kwargs.pop("training", None)
        training = training if own is None else own
        if _is_graph(layer):
            return self.answers(layer, layer._flatten_to_reference_inputs(args[0]), f"{prefix}{layer.name}_", training)
        if training is False and kind in _NOISES:
            return args[0]
        name = prefix + layer.name
        if kind == "TFOpLambda" and (operands := _operands(layer, args, kwargs)):
            return getattr(tf_keras.layers, _MERGES[layer.symbol])(name=name)(operands)
        is_frozen = training is False and kind == "BatchNormalization"
        if is_frozen or training is None or not layer._expects_training_arg:
            if _is_simple(args, kwargs):
                return self._plain(layer, name, args[0], is_frozen)
        elif training is not None:
            kwargs["training"] = training
        return self._odd(layer, name, args, kwargs)

    def _plain(self, layer: Any, name: str, given: Any, is_frozen: bool) -> Any:
        """A new layer's answer, or two layers' where tfmot doesn't know the activation."""
        import tf_keras

        if id(layer) not in self._made:
            config = {**layer.get_config(), "name": name}
            activation = None
            if _is_split(layer):
                activation = tf_keras.layers.Activation(layer.activation, name=f"{name}_activation")
                config["activation"] = "linear"
            if is_frozen:
                config["trainable"] = False
            self._made[id(layer)] = type(layer).from_config(config), activation
        made, activation = self._made[id(layer)]
        is_new = not made.inbound_nodes
        answer = made(given)
        if is_new:
            made.set_weights(layer.get_weights())
            if hasattr(made, "finalize_state"):  # Normalization computes with numbers that it made of its weights
                made.finalize_state()
        return activation(answer) if activation is not None else answer

    def _odd(self, layer: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The answer of the layer itself within a layer that takes tensors alone."""
        import tensorflow as tf
        import tf_keras

        is_tensor = tf_keras.backend.is_keras_tensor
        flat = tf.nest.flatten((args, kwargs))
        places = [place for place, part in enumerate(flat) if _is_tensor(part, is_tensor)]

        def answer(tensors: list[Any]) -> Any:
            values = list(flat)
            for place, tensor in zip(places, tensors, strict=True):
                values[place] = tensor
            positional, named = tf.nest.pack_sequence_as((args, kwargs), values)
            return layer(*positional, **named)

        if name in self._apart.made:  # called before: this is another call of it
            name = f"{name}_{len(self._apart.made)}"
        tensors = [flat[place] for place in places]
        return self._apart(answer, layer, name)(tensors[0] if len(tensors) == 1 else tensors)


def _apart_class() -> Any:
    """A class for the layers that hold one of a model's own; one class for each model, since it knows its instances."""
    import tf_keras

    class Apart(tf_keras.layers.Layer):  # type: ignore[misc]  # tf_keras is untyped
        """One of a model's layers, or an operation, called as it was."""

        made: ClassVar[dict[str, Any]] = {}

        def __init__(self, answer: Callable[[list[Any]], Any], inner: Any, name: str) -> None:
            super().__init__(name=name, trainable=inner.trainable)
            self.inner = inner
            self._answer = answer
            self.made[name] = self

        def call(self, tensors: Any) -> Any:
            return self._answer(list(tensors) if isinstance(tensors, (list, tuple)) else [tensors])

        def get_config(self) -> dict[str, Any]:
            return {"name": self.name}

        @classmethod
        def from_config(cls, config: Mapping[str, Any]) -> Any:
            """The layer itself: it can't be written as a config, and tfmot doesn't change it."""
            return cls.made[config["name"]]

    return Apart


def _nodes(model: Any) -> list[Any]:
    """The calls of a graph's layers in the order in which they are computed, without those of inputs."""
    by_depth = model._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth] if not node.is_input]


def _is_graph(layer: Any) -> bool:
    """Whether a layer is a model of nothing but a graph of layers, which can be called in its place."""
    import tf_keras

    if not isinstance(layer, tf_keras.Model) or not layer._is_graph_network:
        return False
    return type(layer).call in (tf_keras.Sequential.call, super(tf_keras.Sequential, tf_keras.Sequential).call)


def _is_plain(node: Any) -> bool:
    """Whether tfmot takes a call as it is."""
    kwargs = {key: value for key, value in node.call_kwargs.items() if value is not None}
    return (
        not _is_graph(node.layer)
        and type(node.layer).__name__ not in ("TFOpLambda", "SlicingOpLambda")
        and not _is_split(node.layer)
        and _is_simple(node.call_args, kwargs)
    )


def _is_simple(args: Any, kwargs: Mapping[str, Any]) -> bool:
    """Whether a layer is called with one tensor or one list of tensors and nothing else."""
    import tf_keras

    is_tensor = tf_keras.backend.is_keras_tensor
    if len(args) != 1 or any(value is not None for value in kwargs.values()):
        return False
    parts = args[0] if isinstance(args[0], (list, tuple)) else [args[0]]
    return all(_is_tensor(part, is_tensor) for part in parts)


def _is_tensor(part: Any, is_tensor: Callable[[Any], bool]) -> bool:
    try:
        return is_tensor(part)
    except ValueError:  # raised for what is no tensor at all
        return False


def _is_split(layer: Any) -> bool:
    """Whether a layer's activation has to be a layer of its own."""
    activation = getattr(layer, "activation", None)
    return type(layer).__name__ in _ACTIVATED and getattr(activation, "__name__", "") not in ACTIVATIONS


def _operands(layer: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Any] | None:
    """Both tensors of an operation for which there is a layer; None if it is another one or has a number in it."""
    if layer.symbol not in _MERGES:
        return None
    parts = [*args, *(value for key, value in kwargs.items() if key != "name")]
    tensors = [part for part in parts if _is_simple((part,), {}) and not isinstance(part, (list, tuple))]
    same = len(tensors) == len(parts) == 2 and tensors[0].dtype == tensors[1].dtype
    return tensors if same else None
