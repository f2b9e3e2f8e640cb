"""Weight clustering: every kernel ends with a few different weights only, which gzip then writes in a few bits each.

A kernel's weights begin at the nearest of `clusters` centroids, found by Lloyd's k-means (1982) on the weights. While
it is trained on, each weight has a shadow that adds up what the optimiser would have done to it; the weight itself is
always its cluster's centroid, the mean of the shadows. So a weight can wander to another cluster, and what is learnt is
learnt by the very weights that are saved. During the last quarter of the training every weight stays in its cluster.

Which kernels can be clustered is tfmot's to say, as for pruning; its wrappers are not used for the reason given there.
Zeros of a model that was pruned before stay zero, and are one of the clusters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.compress._base import Plan, Shape
from lepton_lab.compress._hook import Hook
from lepton_lab.compress._kernels import chosen_kernels, plan_kernels, tell_kernels
from lepton_lab.errors import InputError
from lepton_lab.types import Dataset

MEANING = "lets each layer's weights share a few values while it trains on"
SETTINGS: tuple[str, ...] = ("clusters",)
HOOK = "lepton_lab.compress._cluster:Clustering"
LEARNING_RATE: float | None = None
STAGES: tuple[str, ...] = ("clustered",)

_MOST = 256
_ROUNDS = 50
"""Of k-means; it ends earlier when no centroid moves."""


def check(settings: Mapping[str, Any]) -> None:
    """Raise InputError for settings that can't be used."""
    if not 3 <= settings["clusters"] <= _MOST:
        raise InputError(f"clusters={settings['clusters']}: give a whole number from 3 to {_MOST}, such as 16.")


def title(settings: Mapping[str, Any]) -> str:
    """The new model's stage."""
    return STAGES[0]


def plan(model: Any, settings: Mapping[str, Any], dataset: Dataset | None = None) -> Plan:
    """For each layer its name, and what will become of it."""
    share = f"will have {settings['clusters']} different weights"
    return Plan([(name, reason or share) for name, reason in plan_kernels(model, "clustered")])


def shape(before: Shape, settings: Mapping[str, Any]) -> Shape:
    """About what becomes of weights that are so shaped: zeros stay."""
    return replace(before, values=int(settings["clusters"]))


class Clustering(Hook):
    """Training hook that clusters a model's weights while it is fine-tuned.

    Parameters
    ----------
    clusters
        How many different weights each kernel ends with at most, zero counted where the kernel has zeros; 3 to 256.

    Raises
    ------
    InputError
        If there would be too few or too many.
    """

    def __init__(self, clusters: int = 16) -> None:
        check({"clusters": clusters})
        self.clusters = clusters
        self._kernels: list[Any] = []
        self._shared: list[_Shared] = []
        self._last_move = 0
        self._step: Callable[..., Any] = lambda tensors, moves: tensors

    def prepare(self, model: Any, total_steps: int) -> Any:
        """Find the clusters; the model to train is `model` itself.

        Raises
        ------
        ConversionError
            If no layer can be clustered.
        """
        import tensorflow as tf

        self._kernels = chosen_kernels(model, "clustered")
        self._last_move = total_steps * 3 // 4
        self._shared = [_Shared.of(kernel.numpy(), self.clusters) for kernel in self._kernels]
        for kernel, shared in zip(self._kernels, self._shared, strict=True):
            kernel.assign(shared.values(kernel.shape))

        def step(tensors: list[tuple[Any, Any, Any]], moves: bool) -> list[tuple[Any, Any, Any]]:
            return [_move(*kernel, moves) for kernel in zip(self._kernels, tensors, strict=True)]

        self._step = tf.function(step, autograph=False)
        return model

    def before_step(self, step: int) -> None:
        """Add what the last step did to the shadows, and give all weights their cluster's value."""
        if step:
            tensors = [(shared.shadow, shared.centroids, shared.labels) for shared in self._shared]
            moved = self._step(tensors, step <= self._last_move)
            self._shared = [_Shared(*tensors) for tensors in moved]

    def finish(self, model: Any) -> Any:
        """The model, with each kernel's weights exactly those of its clusters."""
        self.before_step(self._last_move + 1)
        return model

    def state(self) -> list[NDArray[Any]]:
        """Shadows, centroids and clusters of all kernels."""
        return [
            np.asarray(part) for shared in self._shared for part in (shared.shadow, shared.centroids, shared.labels)
        ]

    def restore(self, state: list[NDArray[Any]]) -> None:
        """Take them up again."""
        self._shared = [_Shared(*state[start : start + 3]) for start in range(0, len(state), 3)]

    def report(self, model: Any) -> list[tuple[str, str]]:
        """Per layer of the model: how many different weights it has, or why it was left alone."""
        return tell_kernels(model, "clustered")


class _Shared:
    """A kernel's clusters; arrays, or tensors of the same."""

    def __init__(self, shadow: Any, centroids: Any, labels: Any) -> None:
        self.shadow = shadow
        """What each weight would be by itself, float32 (weights,)."""
        self.centroids = centroids
        """The clusters' values, ascending, float32 (clusters,)."""
        self.labels = labels
        """Each weight's cluster, int32 (weights,); the number of clusters for a weight that is to stay zero."""

    @classmethod
    def of(cls, kernel: NDArray[Any], clusters: int) -> _Shared:
        """The clusters of a kernel's weights as they are now."""
        flat = kernel.reshape(-1).astype(np.float32)
        stays = flat == 0
        centroids = k_means(flat[~stays], clusters - 1 if stays.any() else clusters)
        labels = np.searchsorted((centroids[1:] + centroids[:-1]) / 2, flat)
        return cls(flat, centroids, np.where(stays, len(centroids), labels).astype(np.int32))

    def values(self, shape: Any) -> NDArray[Any]:
        """The weights, of the kernel's shape."""
        values: NDArray[Any] = np.append(self.centroids, np.float32(0))[self.labels]
        return values.reshape(shape)


def k_means(values: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """At most `count` centroids of numbers, ascending; the same on every machine that has the same numbers."""
    ordered = np.sort(values)
    if not len(ordered):
        return np.zeros(1, np.float32)
    sums = np.concatenate([[0.0], np.cumsum(ordered, dtype=np.float64)])
    centroids = np.unique(np.linspace(ordered[0], ordered[-1], count))
    for _ in range(_ROUNDS):
        ends = np.searchsorted(ordered, (centroids[1:] + centroids[:-1]) / 2)
        bounds = np.concatenate([[0], ends, [len(ordered)]])
        counts = np.diff(bounds)
        moved = np.where(counts > 0, np.diff(sums[bounds]) / np.maximum(counts, 1), centroids)
        if np.array_equal(moved, centroids):
            break
        centroids = moved
    return centroids.astype(np.float32)


def _move(kernel: Any, tensors: tuple[Any, Any, Any], moves: bool) -> tuple[Any, Any, Any]:
    """One kernel's clusters after a step of the optimiser, which the kernel then has; in a graph."""
    import tensorflow as tf

    shadow, centroids, labels = (tf.convert_to_tensor(tensor) for tensor in tensors)
    count = tf.size(centroids)
    before = tf.gather(tf.concat([centroids, [0.0]], 0), labels)
    shadow += tf.where(labels < count, tf.reshape(kernel, [-1]) - before, 0.0)
    if moves:
        nearest = tf.searchsorted((centroids[1:] + centroids[:-1]) / 2, shadow)
        labels = tf.where(labels < count, nearest, labels)
    sizes = tf.math.unsorted_segment_sum(tf.ones_like(shadow), labels, count + 1)[:-1]
    means = tf.math.unsorted_segment_mean(shadow, labels, count + 1)[:-1]
    centroids = tf.where(sizes > 0, means, centroids)
    kernel.assign(tf.reshape(tf.gather(tf.concat([centroids, [0.0]], 0), labels), kernel.shape))
    return shadow, centroids, labels
