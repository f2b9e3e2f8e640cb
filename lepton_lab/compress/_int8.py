"""int8 weights and int8 activations, with ranges that real rows have shown; float32 goes in and comes out.

Two ends stay out of it. What comes before the first layer with weights scales the raw columns: in int8 they would share
256 steps, and a column of fractions beside one of millions would be zero throughout. And a last softmax or sigmoid, or
the sum that a regression ends with, answers in float32: 256 steps are too coarse for a probability or a price.
"""

from __future__ import annotations

from collections.abc import Sequence

from lepton_lab.compress._base import EVERY, WEIGHTED, Rule, exactly
from lepton_lab.runtime import Operation

NEEDS_ROWS = True


def rules(operations: Sequence[Operation]) -> list[Rule]:
    """int8 in between, float32 at both ends."""
    first = next((n for n, operation in enumerate(operations) if operation.kind in WEIGHTED), len(operations))
    found = [Rule("int8"), Rule("float32", EVERY, "INPUT"), Rule("float32", EVERY, "OUTPUT")]
    found += [Rule("float32", exactly(operation.output)) for operation in operations[:first]]
    last = operations[-1]
    if last.kind == "FULLY_CONNECTED":
        found.append(Rule("dynamic", exactly(last.output), last.kind))
    elif last.kind in ("SOFTMAX", "LOGISTIC"):
        found.append(Rule("float32", exactly(last.output), last.kind))
    return found
