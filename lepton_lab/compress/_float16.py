"""float16 weights, computed in float32.

TensorFlow's converter makes *every* constant float16, the means and deviations of a table's columns among them: at
5000 the next float16 is 4 away, and past 65504 it is infinite. On a made-up table with such columns the squared error
rose from 0.002 to 5.8. So only the weights of layers are made float16 here, and the error stays 0.002.
"""

from __future__ import annotations

from collections.abc import Sequence

from lepton_lab.compress._base import Judge, Rule
from lepton_lab.runtime import Operation

MEANING = "float16 weights, computed in float32: half the size, hardly a difference"
BITS = 16.0
NEEDS_ROWS = False


def rules(operations: Sequence[Operation], judge: Judge, tolerance: float) -> list[Rule]:
    """Every operation with weights gets them in float16."""
    return [Rule("float16")]
