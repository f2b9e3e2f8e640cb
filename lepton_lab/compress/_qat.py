"""Quantisation-aware training: the model learns to live with int8 while it is trained on, and becomes int8 then.

tfmot puts what int8 would make of them in the place of weights and activations, in the forward pass only, and keeps the
range of each activation; LiteRT's converter makes the int8 file with these ranges (Jacob et al. 2018,
https://arxiv.org/abs/1712.05877). tfmot takes a whole model or none of it; here each layer that it doesn't know stays
as it is, and only its answer is int8, so that the next layer can compute in int8. So it is with what scales the raw
rows. The sum that a regression ends with stays float32.

Zeros and clusters that the model has already are kept (see `_keep.py`): pruning, clustering and this one after the
other are what tfmot calls PQAT, CQAT and PCQAT.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from lepton_lab.compress._base import Shape
from lepton_lab.compress._hook import Hook
from lepton_lab.compress._keep import Keeper
from lepton_lab.compress._kernels import describe_kernels, kernels_of
from lepton_lab.compress._ranges import follow_answers
from lepton_lab.errors import ConversionError
from lepton_lab.runtime import to_tflite, unrolled

MEANING = "learns to answer with int8 weights and activations while it trains on"
SETTINGS: tuple[str, ...] = ()
HOOK = "lepton_lab.compress._qat:QuantizationAware"
LEARNING_RATE: float | None = 1e-4
"""A tenth of Adam's own, with which a model with batch normalisation lost 0 to 11 points, depending on the seed."""
STAGES: tuple[str, ...] = ("qat",)

_SCALES = ("Rescaling", "Normalization")
_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D")


def check(settings: Mapping[str, Any]) -> None:
    """There is nothing to set."""


def title(settings: Mapping[str, Any]) -> str:
    """The new model's stage."""
    return STAGES[0]


def plan(model: Any, settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """For each layer its name, and what will become of it.

    Raises
    ------
    ConversionError
        If tfmot knows none of the layers with weights.
    """
    ways = _ways(model)
    if not any(layer.trainable_weights and ways[layer.name] == "int8" for layer in model.layers):
        listed = ", ".join(f"{layer.name} ({type(layer).__name__})" for layer in model.layers)
        raise ConversionError(
            f"No layer of this model can be trained for int8, of {listed}: take quantize --scheme dynamic instead."
        )
    raw = _raw(model)
    return [(layer.name, _fate(layer, ways[layer.name], layer.name in raw)) for layer in model.layers]


def shape(before: Shape, settings: Mapping[str, Any]) -> Shape:
    """About what becomes of weights that are so shaped: zeros and clusters stay."""
    return replace(before, bits=8.0)


class QuantizationAware(Hook):
    """Training hook that has a model compute as its int8 file will, while it is fine-tuned."""

    def __init__(self) -> None:
        self._keeper = Keeper(())
        self._report: list[tuple[str, str]] = []

    def prepare(self, model: Any, total_steps: int) -> Any:
        """The model with tfmot's wrappers around the layers that it knows; its weights are the same.

        Raises
        ------
        ConversionError
            If it knows none of those with weights.
        """
        self._report = [(name, _now(fate, model.get_layer(name))) for name, fate in plan(model, {})]
        wrapped = wrap(model)
        follow_answers(wrapped, total_steps)
        self._keeper = Keeper([kernel for layer in wrapped.layers for kernel in _kernels_within(layer)])
        return wrapped

    def before_step(self, step: int) -> None:
        """Take back what the last step did to zeros and to weights that are equal."""
        self._keeper.apply()

    def finish(self, model: Any) -> Any:
        """The same for the last step."""
        self._keeper.apply()
        return model

    def to_tflite(self, plain: Any, weights: list[NDArray[Any]]) -> bytes:
        """The int8 file; float32 goes in and comes out."""
        learnt = wrap(unrolled(plain))  # which a wrapped model can't be any more
        learnt.set_weights(weights)
        return to_tflite(learnt, optimize=True)

    def report(self, model: Any) -> list[tuple[str, str]]:
        """Per layer: what it computes in, with what of it was kept, or why it stays as it is."""
        return self._report


def wrap(model: Any) -> Any:
    """A model for training, of the same layers and weights: those that tfmot knows are wrapped."""
    import tf_keras
    from tensorflow_model_optimization.quantization import keras as tfmot

    ways = _ways(model)
    configs = _configs()

    def annotate(layer: Any) -> Any:
        way = ways[layer.name]
        if not way:
            return layer
        return tfmot.quantize_annotate_layer(type(layer).from_config(layer.get_config()), configs.get(way))

    annotated = tf_keras.models.clone_model(model, clone_function=annotate)
    annotated.set_weights(model.get_weights())
    try:
        with tfmot.quantize_scope({type(config).__name__: type(config) for config in configs.values()}):
            wrapped = tfmot.quantize_apply(annotated)
    except (ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ConversionError(
            f"The model can't be trained for int8: {reason}; take quantize --scheme int8 instead."
        ) from error
    for layer in wrapped.layers:
        if hasattr(layer, "_weight_vars") and not layer.trainable:  # tfmot would train on what is frozen
            layer._non_trainable_weights = [*layer._trainable_weights, *layer._non_trainable_weights]
            layer._trainable_weights = []
    if not _takes_int8(model, ways):
        for layer in wrapped.layers:
            if type(layer).__name__ == "QuantizeLayer":  # which it puts behind each input
                layer.quantizer = _as_it_is
    return wrapped


def _as_it_is(inputs: Any, training: bool, weights: Any) -> Any:
    """In the place of tfmot's quantizer."""
    return inputs


def _takes_int8(model: Any, ways: Mapping[str, str]) -> bool:
    """Whether raw rows go straight to a layer that is to compute in int8, and can be int8 themselves."""
    return all(ways[layer.name] == "int8" for layer in _first(model))


def _first(model: Any) -> list[Any]:
    """The layers that the raw rows go to."""
    inputs = [tensor._keras_history.layer for tensor in model.inputs]  # a Sequential's `layers` leave its input out
    return [node.layer for layer in inputs for node in layer.outbound_nodes if node.layer in model.layers]


def _ways(model: Any) -> dict[str, str]:
    """By layer: `int8` as tfmot does it, `answer` for int8 answers only, `weights` for these only, or empty for
    float32."""
    from tensorflow_model_optimization.python.core.quantization.keras import default_8bit

    registry = default_8bit.default_8bit_quantize_registry.Default8BitQuantizeRegistry()
    raw, ways = _raw(model), {}
    for layer in model.layers:
        kind = type(layer).__name__
        if kind == "InputLayer":
            ways[layer.name] = ""
        elif layer.name in raw or kind in _SCALES:
            ways[layer.name] = "answer"
        elif kind == "BatchNormalization":
            ways[layer.name] = "int8" if _follows_convolution(layer) else "answer"
        elif kind == "Dense" and layer.name in model.output_names and _is_linear(layer):
            ways[layer.name] = "weights"
        else:
            ways[layer.name] = "int8" if registry.supports(layer) else "answer"
        if ways[layer.name] == "answer" and layer.name in model.output_names:
            ways[layer.name] = ""  # nobody computes on with what the model answers
    return ways


def _raw(model: Any) -> set[str]:
    """The layers that a table's raw columns go to, which would share one scale: a column of fractions beside one of
    thousands would be zero throughout."""
    return {layer.name for layer in _first(model)} if len(model.input_shape) == 2 else set()


def _follows_convolution(layer: Any) -> bool:
    """Whether batch normalisation's factors become part of a convolution's weights."""
    before = [node.layer for node in layer.inbound_nodes[0].parent_nodes] if layer.inbound_nodes else []
    return len(before) == 1 and type(before[0]).__name__ in _CONVOLUTIONS


def _is_linear(layer: Any) -> bool:
    return getattr(layer.activation, "__name__", "") == "linear"


def _configs() -> dict[str, Any]:
    """tfmot's instructions for the layers that it would treat otherwise."""
    from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
        default_8bit_quantize_configs,
        default_8bit_quantize_registry,
    )

    return {
        "answer": default_8bit_quantize_configs.Default8BitOutputQuantizeConfig(),
        "weights": default_8bit_quantize_registry.Default8BitQuantizeConfig(["kernel"], [], False),
    }


def _kernels_within(layer: Any) -> list[Any]:
    """The kernels of a layer, or of the one that tfmot has wrapped."""
    if getattr(layer, "_weight_vars", ()):  # the layer's own attribute is what int8 makes of it, once it was called
        return [kernel for kernel, _, _ in layer._weight_vars]
    return kernels_of(getattr(layer, "layer", layer))


def _fate(layer: Any, way: str, is_raw: bool) -> str:
    kind = type(layer).__name__
    if way == "weights":
        return "int8 weights, float32 answers: 256 steps are too coarse for numbers"
    if way == "int8":
        return "int8 weights and activations" if layer.weights else "int8"
    if kind == "InputLayer":
        return "no weights"
    answers = "float32, its answers int8" if way else "float32"
    if kind in _SCALES:
        return answers
    if is_raw:
        return f"{answers}: raw columns can't share one scale"
    where = " behind no convolution" if kind == "BatchNormalization" else ""
    return f"{answers}: {kind}{where} can't be trained for int8"


def _now(fate: str, layer: Any) -> str:
    """What becomes of a layer, with what it has that is kept."""
    kernels = kernels_of(layer)
    kept = Keeper(kernels).is_needed
    return f"{fate}, {describe_kernels(layer)}" if kept else fate
