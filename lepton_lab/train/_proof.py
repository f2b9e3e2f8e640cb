"""Whether two models are the same, tried on random rows.

Each input gets rows of every kind that it might take: numbers around zero, numbers like a picture's, whole numbers
that an embedding knows, words that a vocabulary has; some with zeros at their ends, as padded rows have them. What
the first model can't answer, or not by finite numbers, isn't for it and proves nothing. What remains must be answered
alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.runtime import one_line
from lepton_lab.train._keras3 import NoEqualError, Twin

_NUM_ROWS = (16, 1)
"""Of the batches; each has a seed of its own."""
_RELATIVE, _OF_LARGEST = 1e-4, 1e-4
"""What float32 may differ by, of a number itself and of the largest one beside it: sums are made in another order."""
_HALF = 300.0
"""How much more numbers of 16 bits may differ by."""


def prove(model: Any, twin: Twin, loaded: Any) -> int:
    """Compare a Keras 3 model with the tf_keras model that was made of it.

    Parameters
    ----------
    loaded
        The twin as it comes from its file: that is what will be used.

    Returns
    -------
    How many rows both answered alike.

    Raises
    ------
    NoEqualError
        If they have other weights or give other answers, also while training; names the first layer that does. Also if
        no rows can be found that the model answers with finite numbers.
    """
    _compare_weights(model, loaded)
    ask, ask_twin = _answering(model, masks=True), _answering(loaded, masks=True)
    proven = 0
    for rows in batches(model):
        try:
            theirs = ask(rows)
        except Exception:  # Keras 3 takes no such rows
            continue
        if not any(_is_telling(answer) for answer in theirs):
            continue
        try:
            ours = ask_twin(rows)
        except Exception as error:
            raise NoEqualError(f"tf_keras can't answer rows that Keras 3 does: {one_line(error)}") from None
        if difference := _difference(theirs, ours, _slack(model)):
            raise NoEqualError(_first_layer(model, twin, rows) or f"its answers {difference}")
        if not proven:
            _compare_training(model, loaded, rows, ours)
        proven += len(rows[0])
    if not proven:
        raise NoEqualError("no random rows could be found that it answers with finite numbers")
    return proven


def _compare_weights(model: Any, loaded: Any) -> None:
    for kind in ("trainable_weights", "non_trainable_weights"):
        theirs, ours = (sorted(tuple(weight.shape) for weight in getattr(one, kind)) for one in (model, loaded))
        if theirs != ours:
            words = kind.replace("_", " ").replace("non ", "non-")
            raise NoEqualError(f"it has {len(theirs)} {words} in Keras 3, {len(ours)} in tf_keras, or of other shapes")


def _compare_training(model: Any, loaded: Any, rows: list[NDArray[Any]], quiet: list[NDArray[Any]]) -> None:
    """Compare the answers while training: the same where nothing is random, otherwise random in both.

    `quiet` is what the twin answers while it doesn't train.

    Leaves the weights as they were, though a batch normalisation learns from such a call.
    """
    before = [one.get_weights() for one in (model, loaded)]
    ask, ask_twin = _answering(model, True), _answering(loaded, True)
    try:
        theirs, again, ours = ask(rows), ask(rows), ask_twin(rows)
    except Exception as error:
        raise NoEqualError(f"it can't be trained in both libraries: {one_line(error)}") from None
    for one, weights in zip((model, loaded), before, strict=True):
        one.set_weights(weights)
    if not _difference(theirs, again, 0.0):
        if difference := _difference(theirs, ours, _slack(model)):
            raise NoEqualError(f"its answers in training {difference}")
    elif not _difference(quiet, ours, 0.0):
        raise NoEqualError("what is random while it trains in Keras 3 stays off in tf_keras")


def _answering(
    model: Any, training: bool = False, *, masks: bool = False
) -> Callable[[list[NDArray[Any]]], list[NDArray[Any]]]:
    """A function of the rows of each input that gives what a model of either library says, output by output.

    With `masks`, those of answers at positions follow, by which losses and metrics leave padded ones out.

    It is traced once for any number of rows, as models are when they are used: steps of recurrent layers one by one
    take twenty times as long.
    """
    import tensorflow as tf

    named = isinstance(getattr(model, "_inputs_struct", {}), dict)  # Keras 3 takes a list as it was made with one

    def answer(*tensors: Any) -> Any:
        batch: Any = tensors[0] if len(tensors) == 1 else list(tensors)
        if len(tensors) > 1 and named:
            batch = dict(zip(model.input_names, tensors, strict=True))
        answers = tf.nest.flatten(model(batch, training=training))
        of_answers = [getattr(one, "_keras_mask", None) for one in answers if one.shape.rank > 2]
        return [*answers, *(mask for mask in of_answers if masks and mask is not None)]

    kinds = [tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype) for tensor in model.inputs]
    traced = tf.function(answer, input_signature=kinds, autograph=False)  # rewriting Keras costs seconds
    return lambda rows: [np.asarray(tensor) for tensor in traced(*map(tf.constant, rows))]


def _is_telling(answer: NDArray[Any]) -> bool:
    return answer.size > 0 and (answer.dtype.kind not in "fc" or bool(np.isfinite(answer).any()))


def _slack(model: Any) -> float:
    """1 for a model that computes in float32, more if any of its layers computes in 16 bits."""
    return _HALF if any("16" in layer.compute_dtype for layer in model._flatten_layers()) else 1.0


def _difference(theirs: list[NDArray[Any]], ours: list[NDArray[Any]], slack: float) -> str:
    """How answers differ, in words; "" if they don't."""
    if len(theirs) != len(ours):
        return "are masked in one of the libraries only"
    for one, other in zip(theirs, ours, strict=True):
        if one.shape != other.shape:
            return f"have the shape {one.shape} in Keras 3, {other.shape} in tf_keras"
        if one.dtype.kind not in "fV":  # V: bfloat16 is no number to NumPy
            if not np.array_equal(one, other):
                return "differ"
            continue
        one, other = one.astype(np.float64), other.astype(np.float64)
        finite = np.isfinite(one)
        if not np.array_equal(finite, np.isfinite(other)):
            return "are finite in one of the libraries only"
        one, other = one[finite], other[finite]
        limit = slack * (_RELATIVE * abs(one) + _OF_LARGEST * max(abs(one), default=0.0) + 1e-9)
        if (abs(one - other) > limit).any():
            return f"differ by {max(abs(one - other)):.2g}, among numbers up to {max(abs(one)):.2g}"
    return ""


def _first_layer(model: Any, twin: Twin, rows: list[NDArray[Any]]) -> str:
    """The first layer whose answers differ, and by how much; "" if none does."""
    import keras
    import tf_keras

    theirs = keras.Model(model.inputs, [tensor for step in twin.steps for tensor in step.theirs])
    theirs.input_names = model.input_names
    ours = tf_keras.Model(twin.model.inputs, [tensor for step in twin.steps for tensor in step.ours])
    try:
        answers = zip(_answering(theirs)(rows), _answering(ours)(rows), strict=True)
    except Exception:  # no layer can be named
        return ""
    layers = [step.layer for step in twin.steps for _ in step.theirs]
    for layer, (one, other) in zip(layers, answers, strict=True):
        if difference := _difference([one], [other], _slack(model)):
            return f"the answers of its layer {layer!r} {difference}"
    return ""


def batches(model: Any) -> Iterator[list[NDArray[Any]]]:
    """Random rows for all inputs of a model, of one kind after the other."""
    layers = model._flatten_layers()
    sizes = [getattr(layer, "input_dim", None) or getattr(layer, "num_tokens", None) for layer in layers]
    largest = min((size for size in sizes if isinstance(size, int)), default=100)
    tables = [layer for layer in layers if hasattr(layer, "get_vocabulary")]
    words = [str(word) for layer in tables for word in layer.get_vocabulary()]
    entries = [_entries(tables, tensor) for tensor in model.inputs]
    for kind in range(len(_FLOATS)):
        for seed, num_rows in enumerate(_NUM_ROWS):
            random = np.random.default_rng([kind, seed])
            yield [
                _rows(random, kind, tensor, num_rows, largest, words, own)
                for tensor, own in zip(model.inputs, entries, strict=True)
            ]


_FLOATS: tuple[Callable[[np.random.Generator, tuple[int, ...], int], NDArray[Any]], ...] = (
    lambda random, shape, _: random.normal(0, 1, shape),
    lambda random, shape, _: random.uniform(0, 255, shape),
    lambda random, shape, largest: random.integers(0, largest, shape),
    lambda random, shape, _: random.uniform(0.1, 1, shape),
)
"""Kinds of numbers that an input of floats may be meant for."""


def _entries(tables: list[Any], tensor: Any) -> list[Any]:
    """What the tables hold that an input goes into as it comes."""
    mine = [t for t in tables if any(tensor is one for node in t._inbound_nodes for one in node.input_tensors)]
    return [entry for table in mine for entry in table.get_vocabulary(include_special_tokens=False)]


def _rows(
    random: np.random.Generator,
    kind: int,
    tensor: Any,
    num_rows: int,
    largest: int,
    words: list[str],
    own: list[Any],
) -> NDArray[Any]:
    """Rows for one input, shape (num_rows, ...); the later ones end with zeros, as what is padded does.

    `own` are the entries of the table that the input goes into, which may take no other.
    """
    shape = (num_rows, *(size or 7 for size in tensor.shape[1:]))
    if own and kind == 0:
        return random.choice(np.array(own, object), shape).astype(object if tensor.dtype == "string" else tensor.dtype)
    if tensor.dtype == "string":
        known = np.array([*words, "some", "other", "12", "", "some other words"], object)
        texts = [" ".join(random.choice(known, 1 + kind)) for _ in range(int(np.prod(shape)))]
        return np.array(texts, object).reshape(shape)
    if tensor.dtype == "bool":
        return np.asarray(random.integers(0, 2, shape) == 1)
    is_float = "float" in tensor.dtype
    made = _FLOATS[kind](random, shape, largest) if is_float else random.integers(0, 2 if kind == 3 else largest, shape)
    if len(shape) > 2 or not is_float:
        for place in range(1, min(num_rows // 2, shape[1] if len(shape) > 1 else 0)):
            made[place, -place:] = 0
    return made.astype(tensor.dtype if tensor.dtype != "bfloat16" else np.float32)
