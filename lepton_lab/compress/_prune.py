"""Pruning: while training goes on, ever more of the smallest weights are set to zero and held there.

Each kernel has a mask. Before every training step the kernel is multiplied by it; at forty or so of the steps a new
mask is made, which spares the greatest magnitudes only. How many it spares follows tfmot's polynomial (Zhu and Gupta
2017, https://arxiv.org/abs/1710.01878): fast at first, while there is much to spare, then slowly; or it is as many from
the beginning. During the last quarter of the training the masks stay, so that the remaining weights settle.

With `m_by_n`, such as 2:4, there are m zeros in each n weights that follow each other along a kernel's input, a pattern
for which some devices have kernels of their own (Mishra et al. 2021, https://arxiv.org/abs/2104.08378).

Which layers have kernels that can be pruned, and the schedules, are tfmot's. Its wrapper layers are not used: they mask
within the forward pass, where under MultiWorkerMirroredStrategy every step sends all kernels around once more. (Two
ranks on one host, a small CNN: 28 ms a step with wrappers, 11 ms with masks applied from outside, 7 ms unpruned.) From
outside there is nothing to wrap, to strip or to copy either, and the outcome is the same. All ranks hold the same
weights before a step, hence make the same masks without a word to each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.compress._base import Plan, Shape
from lepton_lab.compress._hook import Hook
from lepton_lab.compress._kernels import chosen_kernels, plan_kernels, tell_kernels
from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.types import Dataset

MEANING = "zeroes the least weights while it trains on"
SETTINGS: tuple[str, ...] = ("sparsity", "schedule", "m_by_n")
HOOK = "lepton_lab.compress._prune:Pruning"
LEARNING_RATE: float | None = None
STAGES: tuple[str, ...] = ("pruned",)
SCHEDULES = ("polynomial", "constant")
"""How the share of zeros grows: first fast, then slowly; or not at all, being what it is to be from the beginning."""

_UPDATES = 40
"""How many times the masks change, where training has enough steps."""


def check(settings: Mapping[str, Any]) -> None:
    """Raise InputError for settings that can't be used."""
    check_sparsity(settings["sparsity"])
    if settings["schedule"] not in SCHEDULES:
        raise UnknownNameError("schedule", settings["schedule"], SCHEDULES)
    read_m_by_n(settings["m_by_n"])


def title(settings: Mapping[str, Any]) -> str:
    """The new model's stage."""
    return STAGES[0]


def plan(model: Any, settings: Mapping[str, Any], dataset: Dataset | None = None) -> Plan:
    """For each layer its name, and what will become of it."""
    pattern = settings["m_by_n"]
    share = f"{settings['sparsity']:.0%} zeros" if pattern is None else f"{pattern} zeros"
    return Plan([(name, reason or f"will have {share}") for name, reason in plan_kernels(model, "pruned")])


def shape(before: Shape, settings: Mapping[str, Any]) -> Shape:
    """About what becomes of weights that are so shaped: zeros are new ones, and no two of the others stay alike."""
    pattern = read_m_by_n(settings["m_by_n"])
    share = float(settings["sparsity"]) if pattern is None else pattern[0] / pattern[1]
    return replace(before, zeros=share, values=None)


class Pruning(Hook):
    """Training hook that prunes a model while it is fine-tuned.

    Parameters
    ----------
    sparsity
        Share of zeros that each kernel ends with, between 0 and 1, both excluded.
    schedule
        One of `SCHEDULES`.
    m_by_n
        `"2:4"` for 2 zeros in each 4 weights, whatever the sparsity; None for zeros anywhere.

    Raises
    ------
    InputError
        If a share is out of its range, or the pattern can't be.
    """

    def __init__(self, sparsity: float = 0.8, schedule: str = "polynomial", m_by_n: str | None = None) -> None:
        check({"sparsity": sparsity, "schedule": schedule, "m_by_n": m_by_n})
        self.sparsity, self.schedule, self.m_by_n = sparsity, schedule, read_m_by_n(m_by_n)
        self._kernels: list[Any] = []
        self._masks: list[Any] = []
        self._schedule: Callable[[Any], tuple[Any, Any]] = lambda step: (False, 0.0)
        self._mask_kernels: Callable[[list[Any]], None] = lambda masks: None

    def prepare(self, model: Any, total_steps: int) -> Any:
        """Look for the kernels and plan the steps; the model to train is `model` itself.

        Raises
        ------
        ConversionError
            If no layer can be pruned.
        """
        import tensorflow as tf
        from tensorflow_model_optimization.sparsity.keras import ConstantSparsity, PolynomialDecay

        if total_steps < 1:
            raise InputError(f"Pruning needs at least 1 training step, but the training has {total_steps}.")
        self._kernels = chosen_kernels(model, "pruned")
        self._masks = [tf.ones(kernel.shape, kernel.dtype) for kernel in self._kernels]
        plan = span(total_steps)
        if self.schedule == "constant":
            self._schedule = ConstantSparsity(self.sparsity, **plan)
        else:
            self._schedule = PolynomialDecay(0.0, self.sparsity, **plan)

        def mask_kernels(masks: list[Any]) -> None:
            for kernel, mask in zip(self._kernels, masks, strict=True):
                kernel.assign(kernel * mask)

        # one call a step instead of one for each kernel
        self._mask_kernels = tf.function(mask_kernels, autograph=False)
        return model

    def before_step(self, step: int) -> None:
        """Make new masks if `step` is one of those planned for it, and mask the kernels."""
        import tensorflow as tf

        is_turn, sparsity = self._schedule(step)
        if is_turn:
            self._masks = [tf.constant(self._mask(kernel.numpy(), float(sparsity))) for kernel in self._kernels]
        self._mask_kernels(self._masks)

    def _mask(self, values: NDArray[Any], sparsity: float) -> NDArray[Any]:
        return smallest_to_zero(values, sparsity) if self.m_by_n is None else smallest_of_each(values, *self.m_by_n)

    def finish(self, model: Any) -> Any:
        """The model, with the planned share of every kernel exactly zero."""
        # The last step's gradients moved the kernels after they were masked; the masked weights are still the
        # smallest by far, unless the training ended before the schedule did. So zero goes to the mask's weights first.
        for kernel, mask in zip(self._kernels, self._masks, strict=True):
            kept = kernel.numpy() * np.asarray(mask)
            kernel.assign(kept * self._mask(kept, self.sparsity))
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
        return tell_kernels(model, "pruned")


def check_sparsity(sparsity: float) -> None:
    """Raise InputError unless `sparsity` is a share between 0 and 1, both excluded."""
    if not 0 < sparsity < 1:
        raise InputError(f"sparsity={sparsity}: give a share between 0 and 1, such as 0.8 for 80 % zeros.")


def read_m_by_n(pattern: str | None) -> tuple[int, int] | None:
    """The two numbers of a pattern such as `"2:4"`.

    Raises
    ------
    InputError
        If there are no two numbers, or the first is not the smaller one.
    """
    if pattern is None:
        return None
    found = re.fullmatch(r"(\d+):(\d+)", pattern)
    if not found or not 0 < int(found[1]) < int(found[2]):
        raise InputError(f"m_by_n={pattern!r}: give the zeros in each so many weights, such as '2:4'.")
    return int(found[1]), int(found[2])


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


def smallest_of_each(values: NDArray[Any], zeros: int, block: int) -> NDArray[Any]:
    """A mask with `zeros` zeros, for the smallest magnitudes, in each `block` weights along a kernel's input.

    Weights that are left over at an input's end, fewer than a block, count as a block filled up with ones to keep.
    """
    by_output = np.moveaxis(values, -1, 0)
    flat = np.abs(by_output.reshape(len(by_output), -1))
    filled = np.pad(flat, ((0, 0), (0, -flat.shape[1] % block)), constant_values=np.inf).reshape(-1, block)
    mask = np.ones(filled.shape, values.dtype)
    np.put_along_axis(mask, np.argpartition(filled, zeros - 1, axis=1)[:, :zeros], 0, axis=1)
    mask = mask.reshape(len(by_output), -1)[:, : flat.shape[1]]
    return np.ascontiguousarray(np.moveaxis(mask.reshape(by_output.shape), 0, -1))
