"""What random layers draw."""

from __future__ import annotations

from typing import Any

import numpy as np

from lepton_lab import forkserver


def drawn(replicas: list[int], steps: list[int], seed: int = 0) -> list[Any]:
    """What two dropouts, one of them inside an inner model, leave of ones, for each replica and step."""
    import tensorflow as tf
    import tf_keras

    from lepton_lab.train import _random

    layers = tf_keras.layers
    inner = tf_keras.Sequential([tf_keras.Input((50,)), layers.Dropout(0.5)])
    rows = tf_keras.Input((50,))
    model = tf_keras.Model(rows, [layers.Dropout(0.5)(rows), inner(rows)])
    step = tf.Variable(0, dtype=tf.int64)
    number = tf.Variable(0, dtype=tf.int64)
    _random.bind(model, seed, step, lambda: number)
    call = tf.function(lambda x: model(x, training=True))
    results = []
    for replica in replicas:
        for at in steps:
            number.assign(replica)
            step.assign(at)
            results.append(np.stack([np.asarray(part) for part in call(tf.ones((20, 50)))]))
    return results


def draws(**arguments: Any) -> list[Any]:
    result: list[Any] = forkserver.call(f"{__name__}:drawn", arguments)
    return result


def test_draws_follow_from_the_place_in_the_run() -> None:
    first, second = draws(replicas=[0], steps=[3, 3])
    assert np.array_equal(first, second)
    assert np.array_equal(first, draws(replicas=[0], steps=[3])[0])  # in another process
    assert 0.4 < (first == 0).mean() < 0.6


def test_steps_replicas_seeds_and_layers_draw_for_themselves() -> None:
    all_of_them = [*draws(replicas=[0, 1], steps=[3, 4]), *draws(replicas=[0], steps=[3], seed=1)]
    masks = [(part != 0).ravel() for result in all_of_them for part in result]
    for i, one in enumerate(masks):
        for other in masks[:i]:
            assert abs(np.corrcoef(one, other)[0, 1]) < 0.2
