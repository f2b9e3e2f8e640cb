"""The inner shapes of this stage's families: techniques, and the schemes by which one of them quantises."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from lepton_lab.runtime import Operation, Tensor
from lepton_lab.types import Dataset


@dataclass(frozen=True)
class Shape:
    """What is known of a model's weights without looking at them: enough to estimate how large its file becomes."""

    bits: float = 32.0
    """Of a weight."""
    zeros: float = 0.0
    """Share of the weights that are zero."""
    values: int | None = None
    """How many different values a layer's weights have, zero counted; None where hardly two are alike."""
    kept: float = 1.0
    """Share of the parameters of the model that one begins with."""
    model: str = ""
    """Whose parameters they are, where they are another model's."""


@dataclass(frozen=True)
class Plan:
    """What a technique would do to a model."""

    layers: Sequence[tuple[str, str]]
    """For each layer its name, and what will become of it or why nothing."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What was found out on the way and the training hook is told, beside the settings; fit for JSON."""


class Technique(Protocol):
    """The inner shape of a technique's module."""

    MEANING: str
    """What it does, for help and forms; no full stop."""
    SETTINGS: tuple[str, ...]
    """Which parameters of `Lab.compress` are its own."""
    HOOK: str
    """`"module:Class"` of what changes the training where the technique trains; else empty.

    It is made from the technique's settings and the plan's options."""
    LEARNING_RATE: float | None
    """With which it trains where the user gives none; None for the optimiser's own."""
    STAGES: tuple[str, ...]
    """Every `Model.stage` that `title` can give."""

    def check(self, settings: Mapping[str, Any]) -> None:
        """Raise InputError for settings that can't be used."""
        ...

    def title(self, settings: Mapping[str, Any]) -> str:
        """The new model's stage, which is appended to its name too."""
        ...

    def plan(self, model: Any, settings: Mapping[str, Any], dataset: Dataset | None = None) -> Plan:
        """What will become of each layer of a Keras model.

        Parameters
        ----------
        dataset
            With whose rows it will be done, where that is known.

        Raises
        ------
        ConversionError
            If the technique can do nothing for the model.
        """
        ...

    def shape(self, before: Shape, settings: Mapping[str, Any]) -> Shape:
        """About what becomes of weights that are so shaped."""
        ...


EVERY = ".*"
LOOKUPS = ("GATHER", "EMBEDDING_LOOKUP")
"""Operations that take rows of a table of weights by number."""
WEIGHTED = (
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "CONV_3D",
    "TRANSPOSE_CONV",
    "FULLY_CONNECTED",
    "BATCH_MATMUL",
    *LOOKUPS,
)
"""Operations that multiply by, or look up, what a model has learned."""

Becomes = Literal["float32", "float16", "dynamic", "dynamic4", "int8", "int4", "int16"]
"""What an operation can become, by its weights and activations:

`dynamic`: int8 weights, activations float32 between operations and int8 within them; `dynamic4`: the same with int4
weights; `int8`: int8 both; `int4`: int4 weights and int8 activations; `int16`: int8 weights and int16 activations.
"""


@dataclass(frozen=True)
class Rule:
    """What becomes of operations. Of a list of rules, later ones win."""

    becomes: Becomes
    pattern: str = EVERY
    """Regular expression, looked for in the name of the operation's output."""
    kind: str = "*"
    """TensorFlow Lite's name of the operation, `*` for all, `INPUT` and `OUTPUT` for the file's ends."""


@dataclass(frozen=True)
class Judged:
    """How a file made by some rules answers training rows, beside the float32 file."""

    moved: float
    """Mean squared difference of the answers as a share of their own mean square; of several outputs, summed."""
    lost: float
    """Points of accuracy; for numbers, by how many per cent the mean absolute error grew. Of several outputs, of the
    one that lost most."""


Judge = Callable[[Sequence[Rule]], Judged]
"""Tries rules out."""


class Scheme(Protocol):
    """The inner shape of a scheme's module."""

    MEANING: str
    """What it does, for help and forms; no full stop."""
    BITS: float
    """Of most weights, for an estimate."""
    NEEDS_ROWS: bool
    """Whether real rows have to show how far activations range."""

    def rules(self, operations: Sequence[Operation], judge: Judge, tolerance: float) -> list[Rule]:
        """The rules for a float32 file with these operations.

        Parameters
        ----------
        judge, tolerance
            For a scheme that goes by what it measures: how to, and how much may be lost (see `Judged.lost`).
        """
        ...


def exactly(name: str) -> str:
    """A pattern for the operation whose only output has this name."""
    return f"^{re.escape(name)};?$"


def spare_ends(operations: Sequence[Operation]) -> list[Rule]:
    """Rules that leave both ends of a file out of int8 and int16.

    What comes before the first layer with weights, on the way of each input, scales the raw columns: in int8 they would
    share 256 steps, and a column of fractions beside one of millions would be zero throughout. And a last softmax or
    sigmoid, or the sum that a regression ends with, answers in float32: 256 steps are too coarse for a probability or a
    price.
    """
    found = [Rule("float32", EVERY, "INPUT"), Rule("float32", EVERY, "OUTPUT")]
    found += [Rule("float32", exactly(operation.output)) for operation in _before_weights(operations)]
    for last in operations:
        if last.is_answer and last.kind == "FULLY_CONNECTED":
            found.append(Rule("dynamic", exactly(last.output), last.kind))
        elif last.is_answer and last.kind in ("SOFTMAX", "LOGISTIC"):
            found.append(Rule("float32", exactly(last.output), last.kind))
    return found


def _before_weights(operations: Sequence[Operation]) -> list[Operation]:
    """The operations to which nothing comes from a layer with weights."""
    found: list[Operation] = []
    behind: set[Tensor] = set()
    for operation in operations:
        if operation.kind in WEIGHTED or behind & {*operation.inputs}:
            behind |= {*operation.outputs}
        else:
            found.append(operation)
    return found
