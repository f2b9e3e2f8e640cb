"""Where an axis begins, ends and has its ticks; the same in both drawings of a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lepton_lab.gantt import Gantt, height_of
from lepton_lab.panels._picture import AnyPlot, BarPlot, DotPlot

HEIGHT = 190
"""Of a plot, in pixels."""
DOTS = 240
"""Of one of dots, which need room for their names."""
BAR = 22
"""Of each bar and the gap below it, where there are many."""


def height(plot: AnyPlot) -> int:
    """Of this plot, in pixels."""
    if isinstance(plot, Gantt):
        return height_of(plot)
    if isinstance(plot, BarPlot):
        return max(HEIGHT, 60 + BAR * len(plot.places))
    return DOTS if isinstance(plot, DotPlot) else HEIGHT


def bounds(values: Sequence[float], from_zero: bool, room: float = 0.05) -> tuple[float, float]:
    """The ends of an axis for these values, with some room: a share of their range."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    if from_zero:
        return min(low, 0.0), high * (1 + room) if high > 0 else 1.0
    space = (high - low) * room or abs(high) * room or 1.0
    return low - space, high + space


def log_bounds(values: Sequence[float]) -> tuple[float, float]:
    """The ends of a logarithmic axis for these values, all greater than 0: at least a factor of three apart."""
    low, high = min(values, default=1.0), max(values, default=10.0)
    room = max(1.25, math.sqrt(3 * low / high))
    return low / room, high * room


def nice_ticks(low: float, high: float, num: int = 4) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten) from `low` to `high`, about `num` steps of them."""
    raw = (high - low) / num
    power = 10.0 ** math.floor(math.log10(raw))
    step = min((power * factor for factor in (1, 2, 5, 10)), key=lambda step: abs(math.log(step / raw)))
    return [round(i * step, 12) for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times the powers of ten from `low` to `high`; more of them, or the powers alone, as these would be few
    or many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 3, 4, 6, 8) if high < 6 * low else (1, 2, 5) if len(powers) <= 4 else (1,)
    ticks = [float(f"{factor}e{power}") for power in powers for factor in factors]
    return [tick for tick in ticks if low <= tick <= high]
