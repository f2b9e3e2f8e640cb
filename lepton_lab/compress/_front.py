"""Which of several models are worth a look, and which one a budget picks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from lepton_lab.compress._budget import Bound, cost, say
from lepton_lab.types import Measure, Trial

_COSTS = ("gzip", "latency")
"""What lies against accuracy; raw size follows from the bits and hardly tells one from another."""
_ALIKE = 1.1
"""Latencies whose ratio is below are taken as equal: they come out so far apart when they are measured again."""


def on_front(measures: Sequence[Measure], costs: Sequence[str] = _COSTS) -> tuple[bool, ...]:
    """For each of these whether no other beats it: is as good in accuracy and costs, better in one (Pareto's front).

    Parameters
    ----------
    measures
        All with an accuracy, by the same metric and on the same rows.
    costs
        Which of `COSTS` count.
    """
    return tuple(not any(_beats(other, one, costs) for other in measures) for one in measures)


def mark_front(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """The trials, with those marked that are on the front."""
    measures = {t.model: t.measure for t in trials if t.measure is not None and t.measure.accuracy is not None}
    marks = dict(zip(measures, on_front(list(measures.values())), strict=True))
    return tuple(replace(trial, is_on_front=marks.get(trial.model, False)) for trial in trials)


def pick(trials: Sequence[Trial], before: Measure, bounds: Sequence[Bound]) -> tuple[str, str]:
    """The name of the model that a budget picks, empty if none is within it, and why.

    Parameters
    ----------
    trials
        At least one measured.
    before
        Of the model that all were made from.
    """
    measured = [(trial, trial.measure) for trial in trials if trial.measure is not None]
    if not measured:
        return "", "No trial could be measured."
    judged = "mae" if before.is_error else "accuracy"
    excess = {trial.model: sum(max(0.0, b.excess(m, before)) for b in bounds) for trial, m in measured}
    within = [(trial, m) for trial, m in measured if excess[trial.model] == 0]
    named = tuple(dict.fromkeys((judged, "gzip", *(bound.quantity for bound in bounds))))
    words = ", ".join(bound.text for bound in bounds)
    if not within:
        nearest, m = min(measured, key=lambda one: excess[one[0].model])
        missed = ", ".join(bound.text for bound in bounds if bound.excess(m, before) > 0)
        return "", f"{words} is not reachable; nearest is {nearest.model} ({say(m, named)}), which misses {missed}."
    is_cost_bound = any(bound.quantity not in ("accuracy", "mae") for bound in bounds)
    if is_cost_bound:
        chosen, m = max(within, key=lambda one: (_worth(one[1]), -one[1].gzip_bytes))
        why = "most accurate, and of equals the smallest"
    else:
        chosen, m = min(within, key=lambda one: (one[1].gzip_bytes, -_worth(one[1])))
        why = "smallest after gzip"
    count = f"{len(within)} of {len(measured)} models are within {words}"
    return chosen.model, f"{count}; {chosen.model} is the {why}: {say(m, named)}."


def uncertainty(measure: Measure, rows: int) -> float | None:
    """Half the width of the 95 % interval of an accuracy measured on so many rows, by the normal approximation."""
    if measure.accuracy is None or measure.is_error:
        return None
    share = measure.accuracy
    return 1.96 * math.sqrt(max(share * (1 - share), 1 / rows) / rows)


def _worth(measure: Measure) -> float:
    """The greater, the better."""
    value = measure.accuracy if measure.accuracy is not None else -math.inf
    return -value if measure.is_error else value


def _beats(one: Measure, other: Measure, costs: Sequence[str]) -> bool:
    better, worse = _worth(one) > _worth(other), _worth(one) < _worth(other)
    for quantity in costs:
        alike = _ALIKE if quantity == "latency" else 1.0
        better |= cost(one, quantity) * alike < cost(other, quantity)
        worse |= cost(one, quantity) > cost(other, quantity) * alike
    return better and not worse
