"""What a method of explaining is given, and what it gives. Each method is a module of its own with `explain`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lepton_lab.runtime import are_logits, predict
from lepton_lab.types import Dataset, Model, by_name

BASELINES = ("auto", "zeros", "mean")
"""Rows to compare with: `auto` is the training rows' mean for tables and zeros for all else."""
MOST_NUMBERS = 2**22
"""In a batch of rows that a model answers."""
MOST_GRADIENT_NUMBERS = 2**20
"""In a batch of rows that gradients are wanted of: all that the layers compute is kept for them."""
MOST_ROWS = 512
AT_ONCE = 2**24
"""Numbers in all rows that are made for one loading of the model: 64 MB in float32."""


@dataclass(frozen=True)
class Options:
    """What a user can say about the way; each method looks at its own."""

    label: str | None = None
    """The class, label or number to explain, by its name; None for each row's own answer."""
    layer: str | None = None
    """Of `grad_cam`: the layer whose maps are looked at; None for the last one that knows of places."""
    baseline: str = "auto"
    """Of `integrated_gradients`: one of `BASELINES`."""
    steps: int = 256
    """Of `integrated_gradients`: into how many parts the way from the baseline to the row is cut."""
    repeats: int = 5
    """Of `permutation`: how often each column is shuffled."""
    samples: int = 512
    """Of the SHAP methods: points, or coalitions, a row."""
    seed: int = 0
    """Of all that is drawn by chance."""


@dataclass(frozen=True)
class Task:
    """Which rows are to be explained, and how."""

    model: Model
    dataset: Dataset
    rows: NDArray[Any]
    """Raw, shape (n, *input_shape), of the dtype that they are stored in."""
    targets: NDArray[Any]
    """Shape (n, *target shape)."""
    options: Options
    label: int | None
    """The place of `options.label` among the model's answers."""
    tell: Callable[[str, float], None]
    """Told what is being done, and which share is done."""

    def answers(self, rows: NDArray[Any]) -> NDArray[Any]:
        """What the model answers to rows (n, *input_shape); loads it anew, so ask for many at once."""
        batch = max(1, min(MOST_ROWS, MOST_NUMBERS // numbers_of(rows)))
        return predict(self.model.file, rows, batch, self.model.code)

    def are_logits(self, answers: NDArray[Any]) -> bool:
        """Whether some of the model's answers are logits."""
        return are_logits(self.model, self.dataset.target, answers)


@dataclass(frozen=True)
class Found:
    """What a method found."""

    values: NDArray[np.float32]
    """Shape (n, *layout) for a method that explains rows; (repeats, *layout) for one that explains the model."""
    chosen: NDArray[np.int64] | None = None
    """Which of the answers was explained of each row, shape (n,); None where no rows are explained."""
    scores: NDArray[np.float64] | None = None
    """The score of that answer, shape (n,)."""
    expected: NDArray[np.float64] | None = None
    """What the score is compared with, shape (n,): `values` of a row sum to the difference. None where they don't."""
    notes: tuple[str, ...] = ()
    """What is worth a word."""
    names: tuple[str, ...] = ()
    """Of the units, in the values' order, where the data set's columns don't name them."""


class Method(Protocol):
    """The inner shape of a method's module."""

    MEANING: str
    """What it is good for, in one line."""
    ROWS: int
    """How many rows it takes if nobody says."""
    NEEDS_GRADIENTS: bool
    """Whether it needs a Keras model."""
    NEEDS_SHAP: bool
    """Whether it needs the optional package `shap`."""
    TAKES_SEVERAL: bool
    """Whether it takes models of several inputs or outputs, and targets at each position of a row."""

    def explain(self, task: Task) -> Found:
        """Do it.

        Raises
        ------
        InputError
            If this model, or these options, are not for it.
        """
        ...


def numbers_of(rows: NDArray[Any]) -> int:
    """How many numbers a row has, in all its inputs."""
    return max(1, sum(int(part[0].size) for part in by_name(rows[:1]).values()))


def batches(count: int, numbers: int, most: int) -> Iterator[slice]:
    """Slices of `count` rows of so many `numbers` each, with at most `most` numbers or `MOST_ROWS` rows in each."""
    size = max(1, min(MOST_ROWS, most // numbers))
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
