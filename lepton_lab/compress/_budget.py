"""What a model may cost and must be worth, as a user writes it: `size<200KB, accuracy>-0.5`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lepton_lab.display import size
from lepton_lab.errors import InputError
from lepton_lab.types import Measure

COSTS = ("size", "gzip", "memory", "latency")
"""Of the `.tflite` file: its bytes; after gzip; of a process that runs it; for one row."""
_BOUND = re.compile(r"\s*([a-z_]+)\s*(<=?|>=?)\s*([+-]?)(\d+\.?\d*|\.\d+)\s*([a-zA-Z\u00b5\u03bc%]*)\s*")
_EXAMPLE = "'size<200KB, accuracy>-0.5'"


@dataclass(frozen=True)
class Bound:
    """One condition of a budget."""

    quantity: str
    """One of `COSTS`, or `accuracy`, or `mae`."""
    limit: float
    """In bytes, in seconds, or as the metric has it; beside the model that one begins with where `is_change`."""
    is_change: bool
    text: str

    def excess(self, measure: Measure, before: Measure) -> float:
        """How far a model is outside, 0 or less within: of costs and errors as a share, of accuracy in points."""
        if self.quantity in COSTS:
            return cost(measure, self.quantity) / self.limit - 1
        if measure.accuracy is None or before.accuracy is None:
            return float("inf")
        if self.quantity == "mae":
            limit = before.accuracy * (1 + self.limit) if self.is_change else self.limit
            return measure.accuracy / max(limit, 1e-12) - 1
        limit = before.accuracy + self.limit if self.is_change else self.limit
        return 100 * (limit - measure.accuracy)


def cost(measure: Measure, quantity: str) -> float:
    """One of the `COSTS`: bytes, or seconds."""
    costs = {"size": measure.raw_bytes, "gzip": measure.gzip_bytes, "memory": measure.memory or float("inf")}
    return float(costs.get(quantity, measure.latency))


def read_budget(text: str, metric: str) -> tuple[Bound, ...]:
    """The conditions of a budget.

    Parameters
    ----------
    text
        Conditions with commas between: `size`, `gzip` or `memory` below bytes (`200KB`), `latency` below a time
        (`50us`); `accuracy` above per cent (`97`), or above a change in points (`-0.5`); `mae` below a number, or below
        a change in per cent (`+5`).
    metric
        What the model is judged by: `accuracy`, `binary_accuracy` or `mae`, with the target's name before where there
        are several.

    Raises
    ------
    InputError
        Names the condition that can't be read.
    """
    judged = "mae" if metric.endswith("mae") else "accuracy"
    bounds = [_read(part, judged) for part in text.split(",") if part.strip()]
    if not bounds:
        raise InputError(f"The budget is empty: give conditions such as {_EXAMPLE}.")
    return tuple(bounds)


def _read(text: str, judged: str) -> Bound:
    found = _BOUND.fullmatch(text)
    known = (*COSTS, judged)
    if not found or found[1] not in known:
        raise InputError(f"The budget has {text.strip()!r}, expected {', '.join(known)} with < or >, as {_EXAMPLE}.")
    quantity, sign, change, number, unit = found.groups()
    if (sign[0] == ">") != (quantity == "accuracy"):
        raise InputError(f"The budget has {text.strip()!r}: {quantity} can be bounded by {'><'[sign[0] == '>']} only.")
    value = float(number) * (-1 if change == "-" else 1)
    if quantity in COSTS:
        if change or value <= 0:
            raise InputError(f"The budget has {text.strip()!r}: give {quantity} an amount greater than 0.")
        return Bound(quantity, _amount(value, unit, quantity, text), False, text.strip())
    if quantity == "mae" and unit and not change:
        raise InputError(f"The budget has {text.strip()!r}: mae is bounded by a number, or by a change, as mae<+5%.")
    if unit not in ("", "%"):
        raise InputError(f"The budget has {text.strip()!r}: {quantity} has no unit {unit!r}.")
    if quantity == "mae":
        return Bound(quantity, value / 100 if change else value, bool(change), text.strip())
    is_share = not change and not unit and value <= 1
    return Bound(quantity, value if is_share else value / 100, bool(change), text.strip())


def _amount(value: float, unit: str, quantity: str, text: str) -> float:
    """Bytes or seconds."""
    from dask.utils import parse_bytes, parse_timedelta

    try:
        if quantity == "latency":
            if not unit:
                raise ValueError
            return float(parse_timedelta(str(value) + re.sub("[\u00b5\u03bc]", "u", unit)))
        return float(parse_bytes(f"{value}{unit}"))
    except (ValueError, KeyError):
        example = "50us" if quantity == "latency" else "200KB"
        raise InputError(f"The budget has {text.strip()!r}: give {quantity} a unit, such as {example}.") from None


def say(measure: Measure, quantities: Sequence[str]) -> str:
    """Some of a model's figures, for a person."""
    words = {
        "size": lambda: size(measure.raw_bytes),
        "gzip": lambda: f"{size(measure.gzip_bytes)} after gzip",
        "memory": lambda: f"{size(measure.memory or 0)} in memory",
        "latency": lambda: f"{measure.latency * 1e6:.0f} us a row",
        "accuracy": lambda: f"{measure.metric.replace('_', ' ')} {measure.accuracy:.2%}",
        "mae": lambda: f"{measure.metric.replace('_', ' ')} {measure.accuracy:.4g}",
    }
    return ", ".join(words[quantity]() for quantity in quantities)
