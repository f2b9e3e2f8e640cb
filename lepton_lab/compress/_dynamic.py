"""int8 weights; activations stay float32 in the file, and are made int8 for each row while it runs."""

from __future__ import annotations

from collections.abc import Sequence

from lepton_lab.compress._base import Judge, Rule
from lepton_lab.runtime import Operation

MEANING = "int8 weights; activations become int8 while it runs"
BITS = 8.0
NEEDS_ROWS = False


def rules(operations: Sequence[Operation], judge: Judge, tolerance: float) -> list[Rule]:
    """Every operation with weights is quantised; the others have nothing to quantise."""
    return [Rule("dynamic")]
