"""int4 weights, two in a byte; activations are made int8 for each row while it runs.

LiteRT has int4 for dense layers and convolutions; all others get int8 weights. The steps of each channel are chosen for
the least squared error rather than to reach the greatest weight, which costs a little where there are many weights and
saves much where there are few. A size option only: LiteRT unpacks the weights while it runs, which takes longer than
float32 for convolutions.
"""

from __future__ import annotations

from collections.abc import Sequence

from lepton_lab.compress._base import Judge, Rule
from lepton_lab.runtime import Operation

MEANING = "int4 weights: the smallest file; no faster, and less exact"
BITS = 4.0
NEEDS_ROWS = False
KINDS = ("FULLY_CONNECTED", "CONV_2D")
"""Operations that LiteRT has with int4 weights."""


def rules(operations: Sequence[Operation], judge: Judge, tolerance: float) -> list[Rule]:
    """int4 where there is such an operation, int8 elsewhere."""
    return [Rule("dynamic"), *(Rule("dynamic4", "", kind) for kind in KINDS)]
