"""Whether a run has learned anything at all in its first epoch, and what usually is the reason where it hasn't."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.forkserver._child import resolve
from lepton_lab.train._job import Job
from lepton_lab.train._step import Head
from lepton_lab.types import Target, fields

_CROSSENTROPIES = ("sparsecategoricalcrossentropy", "categoricalcrossentropy", "binarycrossentropy")
_SQUARES = ("mse", "meansquarederror")
_ROWS = 1000
"""That are looked at for how far their numbers go."""
_LARGE = 10.0
"""Numbers beyond this are hard to learn from where nothing scales them."""
_SCALING = ("Rescaling", "Normalization", "BatchNormalization", "LayerNormalization", "Embedding", "TextVectorization")


def doubt(job: Job, model: Any, heads: Sequence[Head], logs: Mapping[str, float], rate: float | None) -> str:
    """What to tell of a first epoch whose loss is no better than that of an answer that ignores the rows; else "".

    Of classes and labels such an answer is how often each occurs, whose loss is the entropy; of numbers it is their
    mean, whose squared error is the variance. Other losses are not judged, nor those that layers add to, nor is a model
    whose accuracy has risen: it learns, and its loss over the epoch still holds that of its first steps.
    """
    if model.losses:
        return ""
    x, y = resolve(job.open_split)(job.dataset, "train")
    parts = fields(y) if y.dtype.names else {"": np.asarray(y)}
    each = [_chance(head, parts[head.name]) for head in heads]
    known = [value for value in each if value is not None]
    if len(known) < len(each):
        return ""
    chance = sum(head.weight * value for head, value in zip(heads, known, strict=True))
    loss = min(logs["loss"], logs.get("val_loss", logs["loss"]))
    if loss < 0.995 * chance or chance <= 0 or any(_learns(head, parts[head.name], logs) for head in heads):
        return ""
    causes = _of_rows(x, model)
    causes += [f"a learning rate of {rate:.3g} that is too high or too low"] if rate is not None else []
    causes += ["targets that don't belong to their rows"]
    low, high = (float(edge(parts[heads[0].name])) for edge in (np.min, np.max))
    if heads[0].target.kind == "numbers" and max(abs(low), abs(high)) > _LARGE:
        causes.insert(0, f"targets that go from {low:.4g} to {high:.4g} and would learn faster scaled")
    return (
        f"After the first epoch the loss is {loss:.4g}, no better than chance ({chance:.4g}). Likely causes: "
        f"{'; '.join(causes)}."
    )


def _chance(head: Head, truth: NDArray[Any]) -> float | None:
    """The loss of the best answer that is the same for every row; None where the loss is none of those known."""
    name = head.loss_name.lower().replace("_", "")
    if head.weight == 0:
        return 0.0
    if head.target.kind == "numbers":
        return float(np.var(np.asarray(truth, np.float64), axis=0).mean()) if name in _SQUARES else None
    if head.is_own_loss or name not in _CROSSENTROPIES:
        return None
    return float(_entropy(truth, head.target))


def _learns(head: Head, truth: NDArray[Any], logs: Mapping[str, float]) -> bool:
    """Whether a tenth of what the most frequent class leaves wrong has become right."""
    name = f"{head.name}_accuracy" if head.name else "accuracy"
    rights = [logs[key] for key in (name, f"val_{name}") if key in logs]
    if head.target.kind != "classes" or not rights:
        return False
    often = _shares(truth).max(initial=0.0)
    return bool(max(rights) > often + 0.1 * (1 - often))


def _shares(truth: NDArray[Any]) -> NDArray[np.float64]:
    known = truth[truth >= 0]  # positions may be without a class
    return np.bincount(np.asarray(known, np.int64)) / max(known.size, 1)


def _entropy(truth: NDArray[Any], target: Target) -> float:
    if target.kind == "classes":
        shares = _shares(truth)
        shares = shares[shares > 0]
        return float(-(shares * np.log(shares)).sum())
    ones = np.clip(np.asarray(truth, np.float64).mean(axis=0), 1e-12, 1 - 1e-12)
    return float(-(ones * np.log(ones) + (1 - ones) * np.log(1 - ones)).mean())


def _of_rows(x: NDArray[Any], model: Any) -> list[str]:
    """Rows with large numbers, where no layer scales them."""
    rows = x[:_ROWS]
    if rows.dtype.names or rows.dtype.kind not in "biuf" or not rows.size:
        return []
    low, high = float(np.min(rows)), float(np.max(rows))
    is_scaled = any(type(layer).__name__ in _SCALING for layer in model.layers[:4])
    if is_scaled or max(abs(low), abs(high)) <= _LARGE:
        return []
    return [
        f"rows whose numbers go from {low:.4g} to {high:.4g} and are not scaled (begin with a Rescaling or "
        "Normalization layer, or scale them)"
    ]
