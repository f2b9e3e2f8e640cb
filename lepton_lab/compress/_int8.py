"""int8 weights and int8 activations, with ranges that real rows have shown; float32 goes in and comes out."""

from __future__ import annotations

from collections.abc import Sequence

from lepton_lab.compress._base import Judge, Rule, spare_ends
from lepton_lab.runtime import Operation

MEANING = "int8 weights and activations: the fastest, and for chips without floats"
BITS = 8.0
NEEDS_ROWS = True


def rules(operations: Sequence[Operation], judge: Judge, tolerance: float) -> list[Rule]:
    """int8 in between, float32 at both ends."""
    return [Rule("int8"), *spare_ends(operations)]
