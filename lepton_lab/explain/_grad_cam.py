"""Grad-CAM: where in a picture a convolutional network saw what speaks for its answer.

Each map of the last convolution is weighted by the score's mean derivative by it; what is positive of their sum is
stretched to the picture's size. The maps are taken after the normalisation, activation and addition that follow the
convolution at the same size, so that a skip connection's share is in them. A map is weighted as a whole: where a model
finds the same thing in many places and only later layers ask for its place, all of them are hot.

Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017,
https://arxiv.org/abs/1610.02391
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.explain._base import MOST_GRADIENT_NUMBERS, Found, Task, batches
from lepton_lab.explain._keras import open_scored
from lepton_lab.runtime import is_keras3, library_of

MEANING = "where a convolutional model saw what speaks for its answer, as a coarse heat map"
ROWS = 8
NEEDS_GRADIENTS = True
NEEDS_SHAP = False
TAKES_SEVERAL = False


def explain(task: Task) -> Found:
    """A heat map of each row, shape (n, height, width), of nothing below zero."""
    import tensorflow as tf

    scored = open_scored(task)
    layer = find_layer(scored.model, task.options.layer)
    seen = _remember(layer)
    chosen = scored.score.choose(scored.all_logits(task.rows), task.label)
    values = np.empty(task.rows.shape[:3], np.float32)
    for batch in batches(len(values), task.rows[0].size, MOST_GRADIENT_NUMBERS):
        task.tell(f"{batch.start} of {len(values)} rows", batch.start / len(values))
        rows = tf.cast(task.rows[batch], tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(rows)  # so that a layer without weights of its own is recorded too
            scores = scored.score.of(scored.logits(rows), chosen[batch])
        values[batch] = _heat(seen[-1], tape.gradient(scores, seen[-1]), values.shape[1:])
    _, height, width, _ = seen[-1].shape
    note = f"maps of the layer {layer.name}, {height} x {width}, stretched to the picture"
    return Found(values, chosen, scored.scores(task.rows, chosen), None, (note,))


def find_layer(model: Any, name: str | None) -> Any:
    """The layer of that name; or the last one that knows of places, at the size of the last convolution.

    Raises
    ------
    UnknownNameError
        If no layer that gives maps is called so.
    InputError
        If the model has no convolution.
    """
    layers = library_of(model).layers
    with_maps = [layer for layer in _inner(model) if _size(layer) and not isinstance(layer, layers.InputLayer)]
    if name is not None:
        for layer in with_maps:
            if layer.name == name:
                return layer
        raise UnknownNameError("layer that gives maps", name, tuple(layer.name for layer in with_maps))
    kinds = layers.Conv2D | layers.DepthwiseConv2D | layers.SeparableConv2D
    places = [n for n, layer in enumerate(with_maps) if isinstance(layer, kinds)]
    if not places:
        raise InputError(
            "The model has no two-dimensional convolution for grad_cam to look at: use integrated_gradients, which "
            "works with any Keras model, or permutation."
        )
    last = with_maps[places[-1]]
    return [layer for layer in with_maps[places[-1] :] if _size(layer) == _size(last)][-1]


def _inner(model: Any) -> Iterator[Any]:
    """The model's layers in their order, with those of models inside in their models' places."""
    for layer in model.layers:
        if isinstance(layer, library_of(layer).Model):
            yield from _inner(layer)
        else:
            yield layer


def _size(layer: Any) -> tuple[int, int] | None:
    """Height and width of a layer's maps; None where it gives none."""
    nodes = layer._inbound_nodes
    outputs = (nodes[-1].output_tensors if is_keras3(layer) else [layer.get_output_at(-1)]) if nodes else []
    shape: tuple[Any, ...] = tuple(outputs[0].shape) if outputs else ()
    return (shape[1], shape[2]) if len(shape) == 4 else None


def _remember(layer: Any) -> deque[Any]:
    """Where what the layer gives is to be found once its model has answered; it reaches into models inside."""
    seen: deque[Any] = deque(maxlen=1)
    compute = layer.call

    def call(*args: Any, **kwargs: Any) -> Any:
        seen.append(compute(*args, **kwargs))
        return seen[-1]

    layer.call = call  # this copy of the model is ours
    return seen


def _heat(maps: Any, slopes: Any, size: tuple[int, ...]) -> NDArray[np.float32]:
    """Heat maps (n, *size) of maps and of the scores' derivatives by them, both (n, h, w, channels)."""
    import tensorflow as tf

    maps, slopes = tf.cast(maps, tf.float32), tf.cast(slopes, tf.float32)
    weights = tf.reduce_mean(slopes, axis=(1, 2), keepdims=True)
    seen = tf.nn.relu(tf.reduce_sum(weights * maps, axis=3, keepdims=True))
    return np.asarray(tf.image.resize(seen, size))[..., 0]
