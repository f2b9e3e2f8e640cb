"""What nobody should see of how a thing is shown."""

from __future__ import annotations

from lepton_lab.display import GONE

_MARKS = ("Widget(", "Box(", " object at 0x", "<script", "function(", "\x1b[")


def leftovers(text: str) -> list[str]:
    """Marks of widgets' names, scripts and a terminal's colours in a text; an output that is gone leaves none."""
    return [mark for mark in (*_MARKS, "lepton-gone") if mark in text.replace(GONE, "")]
