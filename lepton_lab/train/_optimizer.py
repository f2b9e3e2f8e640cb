"""tf_keras's optimiser of a job, and the learning rate that suits the ranks; needs TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lepton_lab.errors import InputError
from lepton_lab.runtime import own_names_in, plain_variables
from lepton_lab.train import _parts
from lepton_lab.train._job import Job
from lepton_lab.train._make import make

_ADAPTIVE = frozenset({"adam", "adamw", "nadam", "adamax", "adagrad", "rmsprop"})
"""Optimisers that divide each gradient by a mean of its size."""


def make_optimizer(job: Job) -> Any:
    """tf_keras's optimiser of a job."""
    import tf_keras

    part, own = job.optimizer, own_names_in(job.code)
    if isinstance(part, str):
        part = {"class_name": part, "args": [], "config": {}}
    if job.learning_rate is not None:
        if "config" not in part:
            name = _parts.name_of(part)
            raise InputError(f"The optimizer {name} makes its own learning rate: leave --learning-rate out.")
        config = {**part["config"], "learning_rate": make("learning rate", job.learning_rate, own)}
        part = {**part, "config": config} | ({"args": part["args"][1:]} if "args" in part else {})
    optimizer = make("optimizer", part, own)
    if not isinstance(optimizer, tf_keras.optimizers.Optimizer):
        raise InputError(f"The optimizer is a {type(optimizer).__name__}: give one of tf_keras.optimizers.")
    if "loss_scale_factor" in part.get("config", {}):  # which optimisers of Keras 3 alone have
        _average_from_first_step(optimizer)
    if isinstance(optimizer, tf_keras.optimizers.Nadam):
        _multiply_once_a_step(optimizer)
    if job.clip_norm is not None:
        if optimizer.clipnorm or optimizer.clipvalue:
            raise InputError("The optimizer clips gradients itself: leave --clip-norm out.")
        optimizer.global_clipnorm = job.clip_norm
    if job.precision == "mixed_float16":
        optimizer = tf_keras.mixed_precision.LossScaleOptimizer(optimizer)
    return optimizer


def _average_from_first_step(optimizer: Any) -> None:
    """Have the average of weights begin with those after the first step, as in Keras 3; in tf_keras it does before."""
    import tensorflow as tf

    update, momentum = optimizer._update_model_variables_moving_average, optimizer.ema_momentum

    def from_first_step(variables: Any) -> None:
        optimizer.ema_momentum = momentum * tf.cast(optimizer.iterations > 0, tf.float32)
        update(variables)
        optimizer.ema_momentum = momentum

    optimizer._update_model_variables_moving_average = from_first_step


def _multiply_once_a_step(optimizer: Any) -> None:
    """Have Nadam's product of momenta go by the step.

    In a graph, tf_keras multiplies it once for each variable, and it isn't among what a checkpoint holds. The momentum
    of step t is `beta_1 * (1 - 0.5 * 0.96**t)`, whose second factor is 1 to float32 beyond the first hundreds of steps.
    """
    import tensorflow as tf

    factors = np.cumprod(1 - 0.5 * 0.96 ** np.arange(1, 601))
    update = optimizer.update_step

    def update_step(gradient: Any, variable: Any) -> None:
        step = optimizer.iterations + 1
        product = tf.gather(factors, tf.minimum(step, len(factors)) - 1) * tf.pow(
            tf.cast(optimizer.beta_1, tf.float64), tf.cast(step, tf.float64)
        )
        optimizer._u_product.assign(tf.cast(product, optimizer._u_product.dtype))
        optimizer._u_product_counter = optimizer.iterations + 2  # which says that it is as it should be
        update(gradient, variable)

    optimizer.update_step = update_step


def spare(optimizer: Any, job: Job, model: Any) -> None:
    """Have weight decay leave out those of the model's variables that the compiled optimiser leaves out.

    Raises
    ------
    InputError
        If it isn't known which they are, or they lie in another order here.
    """
    left_out = job.optimizer.get(_parts.UNDECAYED, ()) if isinstance(job.optimizer, Mapping) else ()
    if left_out is None:
        raise InputError(
            f"The optimizer {_parts.name_of(job.optimizer)} excludes variables from weight decay, which can be told of "
            "a model's own optimizer only: compile the model with it."
        )
    if not left_out:
        return
    names, variables = _parts.names_of_weights(model), plain_variables(model.trainable_variables)
    for number, name in left_out:
        if names[number : number + 1] != [name]:
            raise InputError(
                "The model was compiled with an optimizer whose exclude_from_weight_decay can't be followed, since its "
                "weights lie in another order here: give --optimizer."
            )
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    optimizer.exclude_from_weight_decay([variables[number] for number, _ in left_out])


def suit_rate(optimizer: Any, job: Job, ranks: int) -> str:
    """Suit an adaptive optimiser's default learning rate to ranks that learn by themselves.

    Such optimisers divide by how much the gradients scatter, which is sqrt(ranks) times as much for a rank's rows as
    for the whole batch: without this their steps are too short (https://arxiv.org/abs/2205.10287).

    Returns
    -------
    What to tell the user; empty where nothing was changed: a rate was given, or the optimiser isn't one of these.
    """
    name = job.optimizer
    if job.learning_rate is not None or not isinstance(name, str) or name.lower() not in _ADAPTIVE:
        return ""
    rate = float(np.asarray(optimizer.learning_rate)) * ranks**0.5
    optimizer.learning_rate.assign(rate)
    return (
        f"Each of {ranks} ranks learns from its own rows, so {name}'s learning rate is {rate:.3g}, "
        f"sqrt({ranks}) times what it is by default; --learning-rate sets another."
    )


def rate_changes(job: Job, optimizer: Any) -> bool:
    """Whether the learning rate may be another one in the next epoch."""
    return bool(job.callbacks) or has_schedule(optimizer)


def has_schedule(optimizer: Any) -> bool:
    """Whether the learning rate follows a schedule, so that nobody else can set it."""
    import tf_keras

    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return isinstance(inner._learning_rate, tf_keras.optimizers.schedules.LearningRateSchedule)


def variables(optimizer: Any) -> list[Any]:
    """What an optimiser of either kind of Keras remembers."""
    found = optimizer.variables
    return list(found() if callable(found) else found)
