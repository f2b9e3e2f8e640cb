"""What a quantisation scheme says: a list of rules, each for some of a file's operations. Later rules win."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from lepton_lab.runtime import Operation

EVERY = ".*"
WEIGHTED = (
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "CONV_3D",
    "TRANSPOSE_CONV",
    "FULLY_CONNECTED",
    "BATCH_MATMUL",
    "GATHER",
    "EMBEDDING_LOOKUP",
)
"""Operations that multiply by, or look up, what a model has learned."""


@dataclass(frozen=True)
class Rule:
    """What becomes of operations."""

    becomes: Literal["float32", "float16", "dynamic", "int8"]
    """`dynamic`: int8 weights, activations float32 between operations and int8 within them."""
    pattern: str = EVERY
    """Regular expression, looked for in the name of the operation's output."""
    kind: str = "*"
    """TensorFlow Lite's name of the operation, `*` for all, `INPUT` and `OUTPUT` for the file's ends."""


class Scheme(Protocol):
    """The inner shape of a scheme's module."""

    NEEDS_ROWS: bool
    """Whether real rows have to show how far activations range."""

    def rules(self, operations: Sequence[Operation]) -> list[Rule]:
        """The rules for a float32 file with these operations."""
        ...


def exactly(name: str) -> str:
    """A pattern for the operation whose only output has this name."""
    return f"^{re.escape(name)};?$"
