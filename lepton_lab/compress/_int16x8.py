"""int8 weights and int16 activations: for what 256 steps are too coarse for, on chips without floats.

A size option only: LiteRT has no fast kernels for it on a CPU, where it is up to a hundred times slower than float32.
"""

from __future__ import annotations

from collections.abc import Sequence

from lepton_lab.compress._base import Judge, Rule, spare_ends
from lepton_lab.runtime import Operation

MEANING = "int8 weights, int16 activations: more exact than int8, for chips without floats; slow on a CPU"
BITS = 8.0
NEEDS_ROWS = True


def rules(operations: Sequence[Operation], judge: Judge, tolerance: float) -> list[Rule]:
    """int16 activations in between, float32 at both ends."""
    return [Rule("int16"), *spare_ends(operations)]
