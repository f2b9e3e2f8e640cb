"""A Keras model as a `.tflite` file, float32 unless it was trained for fewer bits."""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lepton_lab.errors import ConversionError, InputError
from lepton_lab.forkserver._child import essence
from lepton_lab.runtime._code import by_registered_name
from lepton_lab.runtime._dtypes import TEXT
from lepton_lab.runtime._keras import one_line
from lepton_lab.runtime._keras3 import is_keras3, library_of, name_scopes, named_answers, row_specs, still, with_names
from lepton_lab.runtime._litert import Interpreter
from lepton_lab.runtime._saved_model import tables_of, write_saved_model
from lepton_lab.types import records

_COMPILED = "_XlaMustCompile"
"""Marks what is compiled by itself."""

IN_FLOAT32 = "make the model again with the dtype policy float32, and give it the weights by set_weights"
"""What mends a model that can't be converted because of its layers' dtype."""


def to_tflite(model: Any, *, optimize: bool = False) -> bytes:
    """The bytes of a `.tflite` file that answers as the Keras model does.

    Recurrent layers are unrolled. Otherwise the converter makes a loop of them that takes a fixed number of rows, and
    of an LSTM an operation that goes on from the state that the rows before left, unless its caller resets it.

    Parameters
    ----------
    model
        A built functional or sequential Keras model.
    optimize
        Whether to write with fewer bits what the model was trained to have so, and other large weights in int8; else
        all is float32.

    Raises
    ------
    ConversionError
        If a layer of the model has no counterpart among LiteRT's built-in operations.
    """
    import tensorflow as tf

    try:
        with (
            _unrolled_loops(),
            _plain_operations(model),
            _converter(unrolled(model)) as converter,
            warnings.catch_warnings(),
        ):
            converter.optimizations = [tf.lite.Optimize.DEFAULT] if optimize else []
            warnings.simplefilter("ignore")  # it misses statistics that a model trained for int8 has in itself
            content = bytes(converter.convert())
    except Exception as error:  # the converter raises its own class, ValueError, TypeError and more
        missing = sorted(set(re.findall(r"'(tf\.\w+)' op is neither", str(error))))
        reason = (
            f"LiteRT has no operation for {', '.join(missing)}" if missing else " ".join(essence(error).split())[:200]
        )
        if computed := unusual_dtypes(model):
            raise ConversionError(
                f"The model can't be converted to .tflite: {reason}. Its layers compute in {computed}, and LiteRT in "
                f"float32: {IN_FLOAT32}."
            ) from error
        # the operations of Keras 3 are no layers
        parts = getattr(model, "operations", model.layers)
        layers = ", ".join(f"{part.name} ({type(part).__name__})" for part in parts)
        raise ConversionError(
            f"The model can't be converted to .tflite: {reason or type(error).__name__}. Replace the layer that needs "
            f"it, one of {layers}."
        ) from error
    _check_that_it_runs(content)
    return content


def unusual_dtypes(model: Any) -> str:
    """The types of floats other than float32 in which layers of a model compute, for a person; "" where none does."""
    found = {layer.compute_dtype for layer in model._flatten_layers(include_self=False)}
    return " and ".join(sorted(found & {"float16", "bfloat16", "float64"}))


def _check_that_it_runs(content: bytes) -> None:
    """Raise ConversionError where LiteRT can't answer a row by what its converter made."""
    try:
        interpreter = Interpreter(content)
        sizes = {port: tuple(max(size, 1) for size in port.shape[1:]) for port in interpreter.inputs}
        rows = {p.name: np.zeros((1, *size), "U1" if p.dtype == TEXT else p.dtype) for p, size in sizes.items()}
        interpreter.run(records(rows) if len(rows) > 1 else next(iter(rows.values())))
    except InputError as error:
        said = one_line(error.__cause__ if isinstance(error.__cause__, Exception) else error)
        raise ConversionError(
            f"The model can't become .tflite: LiteRT can't run what its converter made: {said}"
        ) from None


@contextmanager
def _converter(model: Any) -> Iterator[Any]:
    """LiteRT's converter with the model's graph.

    Given the model, the converter saves it with each layer's functions first, which for fifty layers takes minutes; the
    graph of its answers takes seconds, and becomes the same file. Tables (of vocabularies) can't be constants in it.
    """
    import tensorflow as tf

    if is_keras3(model) or tables_of(model):
        with tempfile.TemporaryDirectory() as folder:  # Keras 3's own way calls the answer output_0
            write_saved_model(model, Path(folder))
            yield tf.lite.TFLiteConverter.from_saved_model(folder)
    else:
        yield tf.lite.TFLiteConverter.from_concrete_functions([frozen(model).get_concrete_function()], tf.Module())


def frozen(model: Any, *, inlined: bool = False) -> Any:
    """A `tf.function` with the answers of a functional or sequential model, its weights being constants in it.

    It takes any number of rows, one argument for each input under its name, and returns a dict by the outputs' names.

    Parameters
    ----------
    inlined
        Whether no call of a function is to be left where the graph is optimised, for programs that know none.

    Raises
    ------
    ConversionError
        If a layer looks up words in a table, which can't be a constant.
    """
    import tensorflow as tf
    from tensorflow.python.eager.wrap_function import function_from_graph_def
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    for name in tables_of(model):
        raise ConversionError(
            f"The layer {name!r} looks up its input in a table, which TensorFlow can't make a constant: do that before "
            "the model, or export it as 'saved_model'."
        )
    still(model)
    if is_keras3(model):
        name_scopes(model)
    signature, names = row_specs(model), list[str]()

    def answers(*rows: Any) -> list[Any]:
        found = named_answers(model, rows)
        names[:] = found
        return list(found.values())

    with _plain_operations(model):
        traced = tf.function(answers, input_signature=signature).get_concrete_function()
    graph = convert_variables_to_constants_v2(traced, lower_control_flow=False)
    definition = graph.graph.as_graph_def()
    for body in (definition.node, *(function.node_def for function in definition.library.function)):
        for node in body:  # a gradient of its own, as swish has, refers to the graph that was, and can't be saved
            node.attr.pop("_gradient_op_type", None)
    if inlined:
        _let_inline(definition)
    ends = ([tensor.name for tensor in side] for side in (graph.inputs, graph.outputs))
    plain = function_from_graph_def(definition, *ends)
    return tf.function(lambda *rows: dict(zip(names, plain(*rows), strict=True)), input_signature=signature)


def _let_inline(definition: Any) -> None:
    """Have no function in a graph ask to be compiled by itself, as a grouped convolution's does: it would stay a call.

    What is changed gets another name, since TensorFlow knows the function by the old one.
    """
    bodies = [definition.node, *(function.node_def for function in definition.library.function)]
    names = {}
    for function in definition.library.function:
        if function.attr.pop(_COMPILED, None) is not None:
            names[function.signature.name] = f"{function.signature.name}_plain"
            function.signature.name = names[function.signature.name]
    for node in (node for body in bodies for node in body):
        node.attr.pop(_COMPILED, None)
        for value in node.attr.values():
            for called in (value.func, *value.list.func):
                if called.name in names:
                    called.name = names[called.name]


def unrolled(model: Any) -> Any:
    """The same model with its recurrent layers unrolled; the model itself where all are, or there is none."""
    import tf_keras

    parts = list(model._flatten_layers(include_self=False, recursive=True))
    looped = {type(part).__name__ for part in parts if _takes_no_unroll(part)}
    recurrent = [part for part in parts if isinstance(part, library_of(model).layers.RNN)]
    if all(part.unroll or _takes_no_unroll(part) for part in recurrent):
        return model
    has_masks = any(type(part).__name__ == "Masking" or getattr(part, "mask_zero", False) for part in parts)
    if is_keras3(model) and has_masks and any(part.go_backwards for part in recurrent):
        raise ValueError("Keras 3 doesn't reverse the mask of a recurrent layer that is unrolled and goes backwards")
    _turn_masks_round()
    with tf_keras.utils.custom_object_scope(by_registered_name({type(part).__name__: type(part) for part in parts})):
        made = type(model).from_config(_with_unroll(model.get_config(), looped))
    made.set_weights(model.get_weights())
    return with_names(made)


def _takes_no_unroll(layer: Any) -> bool:
    """Whether a layer is one of tf_keras's convolutional recurrent ones; see `_unrolled_loops`."""
    from tf_keras.src.layers.rnn.base_conv_rnn import ConvRNN

    return isinstance(layer, ConvRNN)


@contextmanager
def _unrolled_loops() -> Iterator[None]:
    """Have tf_keras's convolutional recurrent layers be traced step by step, which none of their settings says."""
    from tf_keras.src import backend

    with _replaced(backend, "rnn", partial(backend.rnn, unroll=True)):  # unless the layer says something else
        yield


def _turn_masks_round() -> None:
    """Have tf_keras's layers that are unrolled and go backwards find the steps to leave out by a mask that does too.

    tf_keras takes the mask as it lies for which of their outputs are to be zero, as Bidirectional wants it. It stays so
    in this process: a model that was unrolled may be traced at any time.
    """
    import tensorflow as tf
    from tf_keras.src import backend

    rnn = backend.rnn
    if hasattr(rnn, "turns_masks_round"):
        return

    def turned(step: Any, inputs: Any, states: Any, **settings: Any) -> Any:
        mask = settings.get("mask")
        if settings.get("unroll") and settings.get("go_backwards") and mask is not None:
            axis = 0 if settings.get("time_major") else 1
            inputs = tf.nest.map_structure(lambda rows: tf.reverse(rows, [axis]), inputs)
            settings |= {"go_backwards": False, "mask": tf.reverse(mask, [axis])}
        return rnn(step, inputs, states, **settings)

    turned.turns_masks_round = True  # type: ignore[attr-defined]
    backend.rnn = turned


@contextmanager
def _plain_operations(model: Any) -> Iterator[None]:
    """Have what the converters have no operation for, or a wrong one, be traced as others of the same value.

    Keras 3's argmax and argmin find the sign of a zero by the bits of x; neither LiteRT nor ONNX has such operations,
    but both have 1 / x. LiteRT's converter makes a file of `div_no_nan` in five dimensions that LiteRT refuses, as of
    tf_keras's GroupNormalization of pictures.
    """
    import tensorflow as tf
    from tensorflow.python.ops import gen_math_ops

    def signbit(x: Any) -> Any:
        return (x < 0) | ((x == 0) & (1 / tf.cast(x, tf.float32) < 0))

    def div_no_nan(x: Any, y: Any, name: str | None = None) -> Any:
        is_zero = tf.equal(y, 0)
        return tf.where(is_zero, tf.zeros_like(y), x / tf.where(is_zero, tf.ones_like(y), y), name=name)

    with ExitStack() as replaced:
        replaced.enter_context(_replaced(gen_math_ops, "div_no_nan", div_no_nan))
        if is_keras3(model):
            from keras.src.backend.tensorflow import numpy

            replaced.enter_context(_replaced(numpy, "signbit", signbit))
        yield


@contextmanager
def _replaced(module: Any, name: str, function: Callable[..., Any]) -> Iterator[None]:
    before = getattr(module, name)
    setattr(module, name, function)
    try:
        yield
    finally:
        setattr(module, name, before)


def _with_unroll(config: Any, looped: Collection[str]) -> Any:
    """A config with all recurrent layers unrolled but those of the classes `looped`."""
    if isinstance(config, Mapping):
        if str(config.get("class_name")).rpartition(">")[2] in looped:
            return config
        return {key: True if key == "unroll" else _with_unroll(value, looped) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return type(config)(_with_unroll(value, looped) for value in config)
    return config
