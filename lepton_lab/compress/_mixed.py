"""Each layer with as few bits as it can do with, by what was measured: int4, int8 or float32 weights.

Each layer by itself is tried with int4 weights, all others having int8, and it is measured on training rows how far the
answers move. Then the layers become int4 one after the other, those first that move the answers least, for as long as
no more than `tolerance` is lost. Where int8 everywhere loses more than that already, layers become float32 again, those
first that int8 moves most. The measure of a layer's sensitivity is the mean squared difference of the answers, as
accuracy is too coarse for one layer; what is lost is accuracy in points (for numbers, the mean absolute error's growth
in per cent). Of several outputs the one counts that loses most, so that none pays for another: no output of the result
loses more than `tolerance` on these rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from lepton_lab.compress._base import Judge, Rule, exactly, spare_ends
from lepton_lab.compress._int4 import KINDS
from lepton_lab.runtime import Operation

MEANING = "int4, int8 or float32 for each layer, as it was measured to bear it"
BITS = 6.0
NEEDS_ROWS = True


def rules(operations: Sequence[Operation], judge: Judge, tolerance: float) -> list[Rule]:
    """The least bits that lose no more than `tolerance`."""
    chosen = [Rule("int8"), *spare_ends(operations)]
    whole = judge(chosen)
    if whole.lost > tolerance:
        return _raised(operations, chosen, judge, tolerance)
    candidates = [
        Rule("dynamic4" if operation.is_answer else "int4", exactly(operation.output), operation.kind)
        for operation in operations
        if operation.kind in KINDS
    ]
    moved = sorted(((judge([*chosen, rule]).moved, rule) for rule in candidates), key=lambda one: one[0])
    for _, rule in moved:
        if judge([*chosen, rule]).lost > tolerance:
            break
        chosen.append(rule)
    return chosen


def _raised(operations: Sequence[Operation], chosen: list[Rule], judge: Judge, tolerance: float) -> list[Rule]:
    """Rules with layers made float32 until little enough is lost."""
    candidates = [
        Rule("float32", exactly(operation.output), operation.kind) for operation in operations if operation.constants
    ]
    moved = sorted(((judge([*chosen, rule]).moved, rule) for rule in candidates), key=lambda one: one[0])
    for _, rule in moved:
        chosen.append(rule)
        if judge(chosen).lost <= tolerance:
            break
    return chosen
