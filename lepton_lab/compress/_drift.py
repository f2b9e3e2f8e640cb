"""How far what a file computes within is from what the float32 file computes, operation by operation.

Both files run on the same rows, and keep what every operation wrote. The two operations that do the same are found by
the name of what they write, which quantising leaves as it was; what tfmot puts into names is left out.

Google's quantizer compares files too (`Quantizer.validate`), but gives the mean of ratios rather than the ratio of
sums, adds a constant to the noise that hides what is exact, and doesn't find the operations of a model that was trained
for int8.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.runtime import Interpreter
from lepton_lab.types import by_name


@dataclass(frozen=True)
class Drift:
    """How far answers are from others: sums over all their numbers."""

    signal: float = 0.0
    """Of the squares of the float model's."""
    noise: float = 0.0
    """Of the squares of the differences."""
    greatest: float = 0.0
    """Absolute difference."""

    def __add__(self, other: Drift) -> Drift:
        return Drift(
            self.signal + other.signal, self.noise + other.noise, float(np.fmax(self.greatest, other.greatest))
        )

    @property
    def sqnr(self) -> float:
        """Signal-to-quantisation-noise ratio in decibels: infinite without noise, minus infinite for noise alone."""
        if self.noise == 0:
            return math.inf
        if self.signal == 0 or not math.isfinite(self.noise):
            return -math.inf
        return 10 * math.log10(self.signal / self.noise)


@dataclass(frozen=True)
class Drifts:
    """Of a file's operations, and of its answers."""

    nodes: Mapping[str, Drift]
    """By the name of what the operation writes; those that have a counterpart in the float file."""
    answers: Drift | None
    """None if the float file answers in another shape."""


def drifts(float_file: bytes, file: bytes, rows: NDArray[Any]) -> Drifts:
    """What `file` computes beside what `float_file` does.

    Parameters
    ----------
    rows
        Raw rows, shape (n, *input_shape), or records of several inputs. They are run one at a time, so that memory
        holds one row's activations.

    Raises
    ------
    InputError
        If LiteRT can't run a file.
    """
    before, after = (Interpreter(content, keeps_all=True) for content in (float_file, file))
    nodes: dict[str, Drift] = {}
    answers: Drift | None = Drift()
    pairs: dict[str, str] = {}
    for row in rows[:, None]:
        expected, got = before.run(row), after.run(row)
        answers = _with_answers(answers, expected, got)
        reference, computed = before.computed(), after.computed()
        pairs = pairs or _pairs(reference, computed)
        for name, other in pairs.items():
            nodes[name] = nodes.get(name, Drift()) + _drift(reference[other], computed[name])
    return Drifts(nodes, answers)


def _with_answers(answers: Drift | None, expected: NDArray[Any], got: NDArray[Any]) -> Drift | None:
    """The sums with those of a row's answers, of all outputs; None where they have other shapes or names."""
    if answers is None or expected.shape != got.shape:
        return None
    ours, theirs = by_name(expected), by_name(got)
    if {name: part.shape for name, part in ours.items()} != {name: part.shape for name, part in theirs.items()}:
        return None
    return sum((_drift(part, theirs[name]) for name, part in ours.items()), answers)


def _pairs(reference: Mapping[str, NDArray[Any]], computed: Mapping[str, NDArray[Any]]) -> dict[str, str]:
    """The names of tensors with that of their counterpart, which has the same shape."""
    times = Counter(map(_plain, reference))
    plain = {_plain(name): name for name in reference if times[_plain(name)] == 1}
    found = {name: name if name in reference else plain.get(_plain(name), "") for name in computed}
    return {name: other for name, other in found.items() if other and reference[other].shape == computed[name].shape}


def _drift(expected: NDArray[np.float32], got: NDArray[np.float32]) -> Drift:
    difference = np.abs(expected.astype(np.float64) - got)
    signal = float(np.square(expected, dtype=np.float64).sum())
    return Drift(signal, float(np.square(difference).sum()), float(difference.max(initial=0.0)))


def _plain(name: str) -> str:
    """A tensor's name without what tfmot adds, and without the number that tells it from others of the name.

    `cnn/quant_dense/MatMul1;...FakeQuant...` is `cnn/dense/MatMul`.
    """
    parts = [part for part in name.split(";") if part and "FakeQuant" not in part]
    plain = ";".join("/".join(word.removeprefix("quant_") for word in part.split("/")) for part in parts)
    return plain.rstrip("0123456789")
