"""Plots of what models are worth against what they cost, those together that were judged alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lepton_lab.compress import STAGES as COMPRESSED
from lepton_lab.compress import on_front
from lepton_lab.panels._judged import Judged
from lepton_lab.panels._picture import COLORS, INK, SHAPES, Dot, DotPlot
from lepton_lab.types import Measure

STAGES = ("trained", *COMPRESSED)
"""In the order of the legend."""

_MEASURED: tuple[tuple[str, str, Callable[[Measure], float]], ...] = (
    ("gzip", "gzip size, kB", lambda measure: measure.gzip_bytes / 1e3),
    ("latency", "latency, \u00b5s a row", lambda measure: measure.latency * 1e6),
)
"""One of `compress.COSTS`, a plot's words for it, and its figure."""


def look(stage: str) -> tuple[str, str]:
    """Colour and shape of a stage: grey circles for what was not compressed.

    No two stages have both in common: there are six colours and seven other shapes, which come round in `STAGES` apart.
    """
    if stage not in COMPRESSED:
        return INK, "circle"
    place, shapes = COMPRESSED.index(stage), tuple(SHAPES)[1:]
    return COLORS[place % len(COLORS)], shapes[place % len(shapes)]


def plots_of(judged: Sequence[Judged]) -> tuple[DotPlot, ...]:
    """Raw size, gzip size and latency of models that can be compared, most of them first."""
    kinds: dict[tuple[str, str], list[Judged]] = {}
    for one in judged:
        kinds.setdefault(one.kind, []).append(one)
    plots = []
    for (title, rows), models in sorted(kinds.items(), key=lambda item: -len(item[1])):
        costs = [(one, one.num_bytes / 1e3) for one in models]
        where = f" ({rows.removesuffix('/test')})" if len(kinds) > 1 else ""  # else the panel's title says it for all
        plots.append(_plot(f"{title} by file size, kB{where}", "size", costs))
        for quantity, words, figure in _MEASURED:
            costs = [(one, figure(one.measure)) for one in models if one.measure is not None]
            if costs:
                plots.append(_plot(f"{title} by {words}{where}", quantity, costs))
    return tuple(plots)


def _plot(title: str, quantity: str, judged: Sequence[tuple[Judged, float]]) -> DotPlot:
    measured = [(one, cost, one.measure) for one, cost in judged if one.measure is not None]
    marks = on_front([measure for *_, measure in measured], (quantity,))
    front = {one.model.name: cost for (one, cost, _), is_on_front in zip(measured, marks, strict=True) if is_on_front}
    # those of the front come last, which is above the others, in the order of the line through them
    ordered = sorted(judged, key=lambda each: (each[0].model.name in front, each[1]))
    dots = tuple(_dot(one, cost) for one, cost in ordered)
    return DotPlot(title, dots, tuple(range(len(dots) - len(front), len(dots))))


def _dot(one: Judged, cost: float) -> Dot:
    color, shape = look(one.model.stage)
    return Dot(one.model.name, max(cost, 1e-3), one.worth, color, shape, one.words(), one.measure is not None)
