"""Gantt charts: who does what when. A `Plan` shows itself with one, and the panel of `lab.map` draws the same value."""

from lepton_lab.gantt._chart import BLUE, GREY, PLANNED, RED, Gantt, Span, thinned, time_ticks
from lepton_lab.gantt._svg import WIDTH, draw, height_of, image

__all__ = [
    "BLUE",
    "GREY",
    "PLANNED",
    "RED",
    "WIDTH",
    "Gantt",
    "Span",
    "draw",
    "height_of",
    "image",
    "thinned",
    "time_ticks",
]
