"""int8 weights; activations stay float32 in the file, and are made int8 for each row while it runs."""

from __future__ import annotations

from collections.abc import Sequence

from lepton_lab.compress._base import Rule
from lepton_lab.runtime import Operation

NEEDS_ROWS = False


def rules(operations: Sequence[Operation]) -> list[Rule]:
    """Every operation with weights is quantised; the others have nothing to quantise."""
    return [Rule("dynamic")]
