"""Quantisation-aware training: the model learns to live with int8 while it is trained on, and becomes int8 then.

tfmot puts what int8 would make of them in the place of weights and activations, in the forward pass only, and keeps the
range of each activation; LiteRT's converter makes the int8 file with these ranges (Jacob et al. 2018,
https://arxiv.org/abs/1712.05877). tfmot takes a whole model or none of it; here each layer that it doesn't know stays
as it is, and only its answer is int8, so that the next layer can compute in int8. So it is with what scales the raw
rows. The sum that a regression ends with stays float32. What the plan says was tried: `arrange` serves it and the
training alike.

Zeros and clusters that the model has already are kept (see `_keep.py`): pruning, clustering and this one after the
other are what tfmot calls PQAT, CQAT and PCQAT.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from lepton_lab.compress._base import WEIGHTED, Plan, Shape
from lepton_lab.compress._describe import belongs, has_weights, weights_of
from lepton_lab.compress._flatten import ACTIVATIONS, flattened, own_classes
from lepton_lab.compress._hook import Hook
from lepton_lab.compress._keep import Keeper
from lepton_lab.compress._kernels import describe_kernels, kernels_of
from lepton_lab.compress._ranges import follow_answers
from lepton_lab.errors import ConversionError, LeptonError
from lepton_lab.forkserver._child import summary
from lepton_lab.runtime import (
    Graph,
    Interpreter,
    Operation,
    answering_layers,
    input_names,
    output_names,
    to_tflite,
    unrolled,
)
from lepton_lab.types import Dataset

MEANING = "learns to answer with int8 weights and activations while it trains on"
SETTINGS: tuple[str, ...] = ()
HOOK = "lepton_lab.compress._qat:QuantizationAware"
LEARNING_RATE: float | None = 1e-4
"""A tenth of Adam's own, with which a model with batch normalisation lost 0 to 11 points, depending on the seed."""
STAGES: tuple[str, ...] = ("qat",)

_SCALES = ("Rescaling", "Normalization")
_RELAYS = ("Concatenate", "Reshape", "Flatten")
"""Layers that hand columns on as they are."""
_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D")


def check(settings: Mapping[str, Any]) -> None:
    """There is nothing to set."""


def title(settings: Mapping[str, Any]) -> str:
    """The new model's stage."""
    return STAGES[0]


def plan(model: Any, settings: Mapping[str, Any], dataset: Dataset | None = None) -> Plan:
    """For each layer its name, and what will become of it: the file is made to see. The training goes by the same.

    Raises
    ------
    ConversionError
        If none of the layers with weights can be trained for int8.
    """
    arrangement = arrange(model)
    return Plan(arrangement.fates, {"ways": arrangement.ways, "fates": arrangement.fates})


def shape(before: Shape, settings: Mapping[str, Any]) -> Shape:
    """About what becomes of weights that are so shaped: zeros and clusters stay."""
    return replace(before, bits=8.0)


class QuantizationAware(Hook):
    """Training hook that has a model compute as its int8 file will, while it is fine-tuned.

    Parameters
    ----------
    ways, fates
        The model's `Arrangement`.
    """

    converts = True

    def __init__(self, ways: Mapping[str, str], fates: Sequence[tuple[str, str]]) -> None:
        self._keeper = Keeper(())
        self._ways = ways
        self._report = list(fates)

    def prepare(self, model: Any, total_steps: int) -> Any:
        """The model with tfmot's wrappers around the layers that it knows; its weights are the same."""
        flat = flattened(model)
        self._report = [(name, _now(fate, flat.get_layer(name))) for name, fate in self._report]
        wrapped = wrap(flat, self._ways)
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
        learnt = wrap(flattened(unrolled(plain)), self._ways)  # a wrapped model can't be unrolled any more
        learnt.set_weights(weights)
        return to_tflite(learnt, optimize=True)

    def report(self, model: Any) -> list[tuple[str, str]]:
        """Per layer: what it computes in, with what of it was kept, or why it stays as it is."""
        return self._report


@dataclass(frozen=True)
class Arrangement:
    """What of a model is trained for int8."""

    ways: dict[str, str]
    """By the name of a layer of the flattened model, see `_ways`."""
    fates: list[tuple[str, str]]
    """The same for a person, as a file shows that was made so."""


def arrange(model: Any) -> Arrangement:
    """Find out what of a model can be trained for int8: what its table says, less what tfmot or LiteRT then refuses.

    It is tried, since neither says beforehand what it takes; each refusal leaves one more layer out.

    Raises
    ------
    ConversionError
        If nothing is left that has weights, or a layer's answers are part of the loss.
    """
    flat = flattened(unrolled(model))
    if judged := [layer.name for layer in flat.layers if getattr(layer, "activity_regularizer", None) is not None]:
        raise ConversionError(
            f"The answers of {', '.join(judged)} are part of the loss (activity_regularizer), which "
            "tensorflow-model-optimization loses: quantize the model instead."
        )
    ways = _ways(flat)
    reasons: dict[str, str] = {}
    while True:
        if not any(layer.trainable_weights and ways[layer.name] in ("int8", "weights") for layer in flat.layers):
            listed = ", ".join(f"{layer.name} ({type(layer).__name__})" for layer in flat.layers if layer.weights)
            why = "".join(f"; {name}: {reason}" for name, reason in reasons.items())
            raise ConversionError(
                f"No layer of this model can be trained for int8, of {listed}: take quantize --scheme dynamic "
                f"instead{why}."
            )
        content, error = _tried(flat, ways)
        if error is None:
            break
        name = _refused(flat, ways, error)
        ways = {**ways, name: "" if ways[name] == "answer" else "answer"}
        reasons[name] = summary(_root(error))[:120]
    operations, raw = Graph(content).operations, _raw(flat)
    fates = [
        (layer.name, _fate(layer, ways[layer.name], layer.name in raw, reasons.get(layer.name, ""), operations))
        for layer in flat.layers
    ]
    return Arrangement(ways, fates)


def _tried(flat: Any, ways: Mapping[str, str]) -> tuple[bytes, Exception | None]:
    """The file of a model that was wrapped so and not trained yet, or what was raised on the way to it."""
    try:
        wrapped = wrap(flat, ways)
        _spread(wrapped)
        content = to_tflite(wrapped, optimize=True)
        Interpreter(content)
    except Exception as error:  # tfmot raises ValueError, RuntimeError, AttributeError and more
        if isinstance(_root(error), (OSError, MemoryError)):  # the machine's fault, and no layer's
            raise
        return b"", error
    return content, None


def _spread(wrapped: Any) -> None:
    """Give each range another size, as training does: some operations are refused where these differ."""
    ends = [weight for weight in wrapped.weights if re.search(r"_(min|max)(:\d+)?$", weight.name)]
    for number, end in enumerate(ends):
        end.assign(end * (1 + 0.01 * (number // 2)))  # both of a range alike


def _root(error: BaseException) -> BaseException:
    """What an error was raised for in the first place."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _refused(flat: Any, ways: Mapping[str, str], error: Exception) -> str:
    """The layer that is to blame: the one that tfmot names, or else the first with which it fails."""
    names: list[str] = [layer.name for layer in flat.layers if ways[layer.name]]
    if not isinstance(error, LeptonError):  # LiteRT's converter names many
        named = [name for name in names if re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.])", str(error))]
        if named:
            return named[0]
    good, bad = 0, len(names)
    while bad - good > 1:
        middle = (good + bad) // 2
        some = {name: way if name in names[:middle] else "" for name, way in ways.items()}
        good, bad = (good, middle) if _tried(flat, some)[1] else (middle, bad)
    return names[bad - 1]


def wrap(flat: Any, ways: Mapping[str, str]) -> Any:
    """A model for training, of the same layers and weights: those that have a way are wrapped.

    Raises whatever tfmot does where it can't.
    """
    import tf_keras
    from tensorflow_model_optimization.quantization import keras as tfmot

    configs = _configs()

    def annotate(layer: Any) -> Any:
        way = ways[layer.name]
        if not way:
            return layer
        return tfmot.quantize_annotate_layer(type(layer).from_config(layer.get_config()), configs.get(way))

    with tfmot.quantize_scope({type(config).__name__: type(config) for config in configs.values()} | own_classes(flat)):
        annotated = tf_keras.models.clone_model(flat, clone_function=annotate)
        annotated.set_weights(flat.get_weights())
        wrapped = tfmot.quantize_apply(annotated)
    for layer in wrapped.layers:
        if hasattr(layer, "_weight_vars") and not layer.trainable:  # tfmot would train on what is frozen
            layer._non_trainable_weights = [*layer._trainable_weights, *layer._non_trainable_weights]
            layer._trainable_weights = []
    for layer in wrapped.layers:
        if type(layer).__name__ == "QuantizeLayer" and not _takes_int8(flat, layer, ways):  # one is behind each input
            layer.quantizer = _as_it_is
    wrapped.input_names, wrapped.output_names = input_names(flat), output_names(flat)  # tfmot's begin with quant_
    return wrapped


def _as_it_is(inputs: Any, training: bool, weights: Any) -> Any:
    """In the place of tfmot's quantizer."""
    return inputs


def _takes_int8(model: Any, quantize: Any, ways: Mapping[str, str]) -> bool:
    """Whether the rows of the input that tfmot's layer `quantize` stands behind go straight to layers that are to
    compute in int8, and can be int8 themselves."""
    names = [before.name for before in _before(quantize)]
    fed = _fed_by(model, [tensor for tensor in model.inputs if tensor._keras_history.layer.name in names])
    return bool(fed) and all(ways[layer.name] == "int8" for layer in fed)


def _fed_by(model: Any, inputs: Sequence[Any]) -> list[Any]:
    """The layers that the raw rows of some inputs go to."""
    return [layer for tensor in inputs for layer in _behind(model, tensor._keras_history.layer)]


def _behind(model: Any, layer: Any) -> list[Any]:
    """The layers that a layer's answers go to; a Sequential's `layers` leave its input out."""
    return [node.layer for node in layer.outbound_nodes if node.layer in model.layers]


def _ways(model: Any) -> dict[str, str]:
    """By layer: `int8` as tfmot does it, `answer` for int8 answers only, `weights` for these only, or empty for
    float32."""
    from tensorflow_model_optimization.python.core.quantization.keras import default_8bit

    registry = default_8bit.default_8bit_quantize_registry.Default8BitQuantizeRegistry()
    raw, ends, ways = _raw(model), answering_layers(model), dict[str, str]()
    for layer in model.layers:
        kind = type(layer).__name__
        if kind == "InputLayer" or not _computes_floats(layer) or (layer.name in raw and kind in _RELAYS):
            ways[layer.name] = ""
        elif layer.name in raw or kind in _SCALES:
            ways[layer.name] = "answer"
        elif kind == "BatchNormalization":
            ways[layer.name] = "int8" if _follows_convolution(layer) else "answer"
        elif kind == "Dense" and layer.name in ends and _is_linear(layer):
            ways[layer.name] = "weights"
        else:
            ways[layer.name] = "int8" if registry.supports(layer) and _has_known_activation(layer) else "answer"
        if ways[layer.name] == "answer" and layer.name in ends:
            ways[layer.name] = ""  # nobody computes on with what the model answers
    return ways


def _computes_floats(layer: Any) -> bool:
    """Whether a layer makes one tensor of floats of floats, as a range can be learnt for."""
    import tensorflow as tf

    node = layer.inbound_nodes[0]
    ends = tf.nest.flatten((node.input_tensors, node.outputs))
    return len(tf.nest.flatten(node.outputs)) == 1 and all(end.dtype.is_floating for end in ends)


def _has_known_activation(layer: Any) -> bool:
    """Whether an `Activation` is one of those that tfmot knows."""
    return type(layer).__name__ != "Activation" or getattr(layer.activation, "__name__", "") in ACTIVATIONS


def _raw(model: Any) -> set[str]:
    """The layers that a table's raw columns go to, which would share one scale: a column of fractions beside one of
    thousands would be zero throughout."""
    tables = [tensor for tensor in model.inputs if len(tensor.shape) == 2 and tensor.dtype.is_floating]
    waiting, found = _fed_by(model, tables), set[str]()
    while waiting:
        layer = waiting.pop()
        found.add(layer.name)
        if type(layer).__name__ in _RELAYS:
            waiting += _behind(model, layer)
    return found


def _follows_convolution(layer: Any) -> bool:
    """Whether batch normalisation's factors become part of a convolution's weights: it alone computes on with them."""
    before = _before(layer)
    return (
        len(before) == 1
        and type(before[0]).__name__ in _CONVOLUTIONS
        and _is_linear(before[0])
        and len(before[0].outbound_nodes) == 1
    )


def _before(layer: Any) -> list[Any]:
    """The layers whose answers a layer takes."""
    return [node.layer for node in layer.inbound_nodes[0].parent_nodes] if layer.inbound_nodes else []


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


def _fate(layer: Any, way: str, is_raw: bool, refusal: str, operations: Sequence[Operation]) -> str:
    kind = type(layer).__name__
    name = _kind(layer)
    weights = _weight_bits(layer, operations)
    if way in ("weights", "int8") and weights == 32:
        return "float32: LiteRT's converter leaves it so"
    if way == "weights":
        return "int8 weights, float32 answers: 256 steps are too coarse for numbers"
    if way == "int8":
        return "int8 weights and activations" if layer.weights else "int8"
    if kind == "InputLayer":
        return "no weights"
    answers = "float32"
    if weights == 8:
        answers = "int8 weights made after the training"
    answers += ", its answers int8" if way else ""
    if refusal:
        return f"{answers}: refused as int8 ({refusal})"
    if kind in _SCALES:
        return answers
    if is_raw:
        return f"{answers}: raw columns can't share one scale"
    where = ""
    if kind == "BatchNormalization":
        is_near = any(type(one).__name__ in _CONVOLUTIONS for one in _before(layer))
        where = " not right behind a convolution without activation" if is_near else " behind no convolution"
    return f"{answers}: {name}{where} can't be trained for int8"


def _kind(layer: Any) -> str:
    """What a layer is called for a person: its class, that of the one in it, or its function."""
    if type(layer).__name__ == "Activation":
        return f"the activation {getattr(layer.activation, '__name__', layer.activation)}"
    inner = getattr(layer, "inner", layer)
    return str(getattr(inner, "symbol", None) or type(inner).__name__)


def _weight_bits(layer: Any, operations: Sequence[Operation]) -> int | None:
    """The most bits that a file has for a layer's weights; None where no operation with weights bears its name."""
    found = [
        weights_of(operation).bits
        for operation in operations
        if operation.kind in WEIGHTED and has_weights(operation)
        for tensor in [*operation.constants, *operation.outputs]
        if belongs(tensor.name, layer.name) or belongs(tensor.name, f"quant_{layer.name}")
    ]
    return max(found, default=None)


def _now(fate: str, layer: Any) -> str:
    """What becomes of a layer, with what it has that is kept."""
    kernels = kernels_of(layer)
    kept = Keeper(kernels).is_needed
    return f"{fate}, {describe_kernels(layer)}" if kept else fate
