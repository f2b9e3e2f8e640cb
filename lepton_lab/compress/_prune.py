"""Pruning: while training goes on, ever more of the smallest weights are set to zero and held there.

Each kernel has a mask. Before every training step the kernel is multiplied by it; at forty or so of the steps a new
mask is made, which spares the greatest magnitudes only. How many it spares follows tfmot's polynomial (Zhu and Gupta
2017, https://arxiv.org/abs/1710.01878): fast at first, while there is much to spare, then slowly. During the last
quarter of the training the masks stay, so that the remaining weights settle.

Which layers have kernels that can be pruned, and the schedule, are tfmot's. Its wrapper layers are not used: they mask
within the forward pass, where under MultiWorkerMirroredStrategy every step sends all kernels around once more. (Two
ranks on one host, a small CNN: 28 ms a step with wrappers, 11 ms with masks applied from outside, 7 ms unpruned.) From
outside there is nothing to wrap, to strip or to copy either, and the outcome is the same. All ranks hold the same
weights before a step, hence make the same masks without a word to each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import ConversionError, InputError

_FEWEST_WEIGHTS = 1000
"""Kernels with fewer are left alone, such as a first convolution's. On digits (a cnn with 36,000 weights, 80 % zeros
and int8, 3 seeds) that makes the file 8.2 instead of 8.6 times smaller, and 0.3 to 2 points more accurate."""
_UPDATES = 40
"""How many times the masks change, where training has enough steps."""


class Pruning:
    """Training hook that prunes a model while it is fine-tuned.

    Parameters
    ----------
    sparsity
        Share of zeros that each kernel ends with, between 0 and 1, both excluded.
    initial_sparsity
        Share of zeros that it begins with, from 0 to `sparsity`.

    Raises
    ------
    InputError
        If a share is out of its range.
    """

    def __init__(self, sparsity: float = 0.8, initial_sparsity: float = 0.0) -> None:
        check_sparsity(sparsity)
        if not 0 <= initial_sparsity <= sparsity:
            raise InputError(f"initial_sparsity={initial_sparsity}: give a share from 0 to sparsity={sparsity}.")
        self.sparsity, self.initial_sparsity = sparsity, initial_sparsity
        self._kernels: list[Any] = []
        self._masks: list[Any] = []
        self._schedule: Callable[[Any], tuple[Any, Any]] = lambda step: (False, 0.0)
        self._mask_kernels: Callable[[list[Any]], None] = lambda masks: None

    def prepare(self, model: Any, total_steps: int) -> Any:
        """Look for the kernels and plan the steps; the model to train is `model` itself.

        Parameters
        ----------
        model
            A tf_keras model with its weights.
        total_steps
            Training steps over all epochs.

        Raises
        ------
        ConversionError
            If no layer can be pruned.
        """
        import tensorflow as tf
        from tensorflow_model_optimization.sparsity.keras import PolynomialDecay

        if total_steps < 1:
            raise InputError(f"Pruning needs at least 1 training step, but the training has {total_steps}.")
        chosen = {name for name, reason in plan_layers(model) if not reason}
        self._kernels = [k for layer in model.layers if layer.name in chosen for k in prunable_kernels(layer)]
        self._masks = [tf.ones(kernel.shape, kernel.dtype) for kernel in self._kernels]
        self._schedule = PolynomialDecay(self.initial_sparsity, self.sparsity, **span(total_steps))

        def mask_kernels(masks: list[Any]) -> None:
            for kernel, mask in zip(self._kernels, masks, strict=True):
                kernel.assign(kernel * mask)

        self._mask_kernels = tf.function(mask_kernels)  # one call a step instead of one for each kernel
        return model

    def before_step(self, step: int) -> None:
        """Make new masks if `step` is one of those planned for it, and mask the kernels.

        Parameters
        ----------
        step
            Steps done so far, over all epochs.
        """
        import tensorflow as tf

        is_turn, sparsity = self._schedule(step)
        if is_turn:
            self._masks = [tf.constant(smallest_to_zero(k.numpy(), float(sparsity))) for k in self._kernels]
        self._mask_kernels(self._masks)

    def finish(self, model: Any) -> Any:
        """The model, with the planned share of every kernel exactly zero."""
        # The last step's gradients moved the kernels after they were masked; the masked weights are still the
        # smallest by far, unless the training ended before the schedule did. So zero goes to the mask's weights first.
        for kernel, mask in zip(self._kernels, self._masks, strict=True):
            kept = kernel.numpy() * np.asarray(mask)
            kernel.assign(kept * smallest_to_zero(kept, self.sparsity))
        return model

    def state(self) -> list[NDArray[Any]]:
        """The masks."""
        return [np.asarray(mask) for mask in self._masks]

    def restore(self, state: list[NDArray[Any]]) -> None:
        """Take the masks up again."""
        import tensorflow as tf

        self._masks = [tf.constant(mask) for mask in state]

    def report(self, model: Any) -> list[tuple[str, str]]:
        """Per layer of the model: its share of zeros, or why it was left alone."""
        return [(name, reason or share_of_zeros(model.get_layer(name))) for name, reason in plan_layers(model)]


def check_sparsity(sparsity: float) -> None:
    """Raise InputError unless `sparsity` is a share between 0 and 1, both excluded."""
    if not 0 < sparsity < 1:
        raise InputError(f"sparsity={sparsity}: give a share between 0 and 1, such as 0.8 for 80 % zeros.")


def span(total_steps: int) -> dict[str, int]:
    """Arguments of the schedule: masks change at steps 0, `frequency`, 2 `frequency`, ..., `end_step`."""
    frequency = max(1, total_steps * 3 // 4 // _UPDATES)
    updates = max(1, total_steps * 3 // 4 // frequency)
    return {"begin_step": 0, "end_step": updates * frequency, "frequency": frequency}


def smallest_to_zero(values: NDArray[Any], sparsity: float) -> NDArray[Any]:
    """A mask of the shape of `values`: zero for the smallest magnitudes, `sparsity` of them, and one for the rest."""
    mask = np.ones(values.size, values.dtype)
    count = round(values.size * sparsity)
    if count:
        mask[np.argpartition(np.abs(values).reshape(-1), count - 1)[:count]] = 0
    return mask.reshape(values.shape)


def share_of_zeros(layer: Any) -> str:
    """How sparse a layer's kernels are, for a person: `80.0 % zeros`."""
    kernels = [kernel.numpy() for kernel in prunable_kernels(layer)]
    return f"{100 * sum(int((k == 0).sum()) for k in kernels) / sum(k.size for k in kernels):.1f} % zeros"


def plan_layers(model: Any) -> list[tuple[str, str]]:
    """For each layer its name and why it can't be pruned; an empty reason means that it can.

    Raises
    ------
    ConversionError
        If no layer can be pruned.
    """
    plan = [(layer.name, _why_not(layer)) for layer in model.layers]
    if all(reason for _, reason in plan):
        reasons = "; ".join(f"{name}: {reason}" for name, reason in plan)
        raise ConversionError(
            f"No layer of this model can be pruned ({reasons}); it needs one with a kernel, such as Dense or Conv2D."
        )
    return plan


def prunable_kernels(layer: Any) -> list[Any]:
    """The variables of a layer that tfmot would prune; none for layers that it doesn't know."""
    # tfmot shows its table of layers and their kernels nowhere else.
    from tensorflow_model_optimization.python.core.sparsity.keras.prune_registry import PruneRegistry

    if PruneRegistry.supports(layer):
        PruneRegistry.make_prunable(layer)  # gives the layer the method called below, and changes nothing else
    return list(layer.get_prunable_weights()) if hasattr(layer, "get_prunable_weights") else []


def _why_not(layer: Any) -> str:
    import tf_keras

    kind = type(layer).__name__
    if not layer.weights:
        return f"{kind} has no weights"
    if not layer.trainable:
        return f"{kind} is frozen"
    if isinstance(layer, tf_keras.Model):
        return f"{kind} is a model inside the model, which is not looked into"
    if not prunable_kernels(layer):
        return f"{kind} has no kernel that can be pruned"
    num_weights = sum(int(np.prod(kernel.shape)) for kernel in prunable_kernels(layer))
    if num_weights < _FEWEST_WEIGHTS:
        return f"{kind} has only {num_weights:,} weights: zeros there would cost accuracy and save little"
    return ""
