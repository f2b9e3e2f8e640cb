"""Whether the colour-blind can tell the lines and dots of a picture apart.

What they see is simulated by the matrices of Machado, Oliveira and Fernandes, "A Physiologically-based Model for
Simulation of Color Vision Deficiency", 2009, table 1 at severity 1.0, which apply to linear RGB:
https://www.inf.ufrgs.br/~oliveira/pubs_files/CVD_Simulation/CVD_Simulation.html
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lepton_lab.gantt import BLUE, GREY, RED
from lepton_lab.panels._picture import styles
from lepton_lab.panels._svg import DARK_INK, INK
from lepton_lab.panels._training import CURVES
from lepton_lab.panels._worth import STAGES, look

SIGHTS = {
    "all colours": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
"""From linear sRGB, https://www.w3.org/Graphics/Color/sRGB"""
APART, OFF_THE_GROUND = 15.0, 30.0
"""Distances in CIELAB: 2.3 can just be noticed where two patches touch; lines are thin and lie apart."""
WHITE, DARK = "#ffffff", "#111111"
"""JupyterLab's grounds."""

sights = pytest.mark.parametrize("sight", SIGHTS.values(), ids=SIGHTS)


def linear(color: str) -> np.ndarray:
    values = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def distance(one: str, other: str, sight: np.ndarray) -> float:
    """CIE76 between what somebody with this sight sees of two colours."""
    seen = []
    for color in (one, other):
        part = XYZ @ np.clip(sight @ linear(color), 0, 1) / (XYZ @ np.ones(3))
        x, y, z = np.where(part > 216 / 24389, np.cbrt(part), (24389 / 27 * part + 16) / 116)
        seen.append(np.array([116 * y, 500 * (x - y), 200 * (y - z)]))
    return float(np.linalg.norm(seen[0] - seen[1]))


def contrast(one: str, other: str) -> float:
    """As WCAG counts it: 1 to 21."""
    low, high = sorted(float(XYZ[1] @ linear(color)) for color in (one, other))
    return (high + 0.05) / (low + 0.05)


@sights
def test_lines_differ_in_colour_or_dash(sight: np.ndarray) -> None:
    workers = styles(f"w{i}" for i in range(18)).values()
    for (one, dash), (other, other_dash) in itertools.combinations(workers, 2):
        assert dash != other_dash or distance(one, other, sight) > APART


@sights
def test_curves_of_a_plot_differ(sight: np.ndarray) -> None:
    assert all(distance(one, other, sight) > APART for one, other in itertools.combinations(CURVES, 2))


@sights
def test_every_colour_stands_out_from_its_ground(sight: np.ndarray) -> None:
    assert all(distance(color, ground, sight) > OFF_THE_GROUND for color in CURVES for ground in (WHITE, DARK))


@sights
def test_stages_differ_in_colour_or_shape(sight: np.ndarray) -> None:
    for (color, shape), (other, other_shape) in itertools.combinations(map(look, STAGES), 2):
        assert shape != other_shape or distance(color, other, sight) > APART


@sights
def test_stages_that_are_mostly_compared_differ_in_both(sight: np.ndarray) -> None:
    often = ("pruned", "clustered", "qat", "dynamic", "int8")
    for (color, shape), (other, other_shape) in itertools.combinations(map(look, often), 2):
        assert shape != other_shape and distance(color, other, sight) > APART


@sights
def test_bars_of_a_gantt_chart_differ_and_stand_out(sight: np.ndarray) -> None:
    assert all(distance(one, other, sight) > APART for one, other in itertools.combinations((BLUE, RED, GREY), 2))
    assert all(distance(color, ground, sight) > OFF_THE_GROUND for color in (BLUE, RED) for ground in (WHITE, DARK))


def test_names_in_bars_can_be_read() -> None:
    assert all(contrast(color, WHITE) > 4.5 for color in (BLUE, RED))


def test_what_was_not_compressed_has_a_shape_of_its_own() -> None:
    assert [stage for stage in STAGES if look(stage)[1] == look("trained")[1]] == ["trained"]


def test_ink_is_read_on_its_ground_and_does_not_vanish_on_the_other() -> None:
    assert contrast(INK, WHITE) > 4.5 and contrast(DARK_INK, DARK) > 4.5
    assert contrast(INK, DARK) > 3 and contrast(DARK_INK, WHITE) > 3
