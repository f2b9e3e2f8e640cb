"""What is random in a model's layers follows from the seed, the step, the replica and the layer, and from nothing else.

So there is no state to keep in a checkpoint, and a run that goes on at a step draws what it would have drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lepton_lab.runtime import is_keras3


def bind(model: Any, seed: int, step: Any, replica: Callable[[], Any]) -> None:
    """Have every random layer of `model` (dropout, noise, augmentation) draw by its place in the run.

    Parameters
    ----------
    step
        The variable that counts the steps.
    replica
        Gives the replica's number over all ranks, within a step.
    """
    if is_keras3(model):
        found = {id(generator): generator for layer in _flat(model) for generator in layer._seed_generators}
        for number, generator in enumerate(found.values()):  # those that layers share once
            draw = _drawer(seed, number, step, replica)
            generator.next = lambda ordered=True, draw=draw: draw()
        return
    generators = [layer._random_generator for layer in _flat(model) if hasattr(layer, "_random_generator")]
    for number, generator in enumerate(generators):
        generator._built, generator._generator = True, None
        generator._rng_type = generator.RNG_STATELESS
        generator.make_seed_for_stateless_op = _drawer(seed, number, step, replica)


def _drawer(seed: int, number: int, step: Any, replica: Callable[[], Any]) -> Callable[[], Any]:
    calls = 0

    def draw() -> Any:
        """A seed of shape (2,) for one draw; a layer that draws twice in a step gets two."""
        import tensorflow as tf

        nonlocal calls
        calls += 1
        key = tf.constant([seed % 2**31, number * 1009 + calls], tf.int32)
        key = tf.random.experimental.stateless_fold_in(key, tf.cast(step, tf.int64))
        return tf.random.experimental.stateless_fold_in(key, tf.cast(replica(), tf.int64))

    return draw


def _flat(model: Any) -> list[Any]:
    """All layers, those of models and wrappers inside included."""
    return list(model._flatten_layers(include_self=False, recursive=True))
