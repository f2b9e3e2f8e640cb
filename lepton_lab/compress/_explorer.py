"""Node data for Model Explorer: a number and a colour for each operation of a `.tflite` file, beside its graph.

The format is that of Model Explorer's custom node data for a single graph
(https://github.com/google-ai-edge/model-explorer/wiki/2.-User-Guide): a node is named by what it writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lepton_lab.compress._drift import Drift
from lepton_lab.files import write_json

_FINEST = 144.5
"""Decibels that float32's 24 bits can tell (20 log10 2^24), which stand for exact answers: JSON has no infinity."""
_COLOURS = ((10.0, "#d7301f"), (20.0, "#fc8d59"), (30.0, "#fdcc8a"), (40.0, "#d9f0a3"), (_FINEST, "#78c679"))
"""Up to which decibels which colour; red is far from the float model."""


def write_node_data(path: Path, nodes: Mapping[str, Drift]) -> None:
    """Write each operation's signal-to-quantisation-noise ratio in decibels, within +-144.5, aside and renamed."""
    results = {name: {"value": round(min(max(drift.sqnr, -_FINEST), _FINEST), 2)} for name, drift in nodes.items()}
    thresholds = [{"value": limit, "bgColor": colour} for limit, colour in _COLOURS]
    write_json(path, {"results": results, "thresholds": thresholds})
