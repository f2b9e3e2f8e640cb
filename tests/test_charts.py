"""Drawings are well formed, escape what they are given, and say the same as the numbers do."""

from __future__ import annotations

import base64
import re
from xml.etree import ElementTree

import pytest

from lepton_lab import charts

_SVG = "{http://www.w3.org/2000/svg}"


def svg_in(html: str) -> ElementTree.Element:
    data = re.search(r"src='data:image/svg\+xml;base64,([^']+)'", html)
    assert data is not None
    return ElementTree.fromstring(base64.b64decode(data[1]))


def luminance(colour: str) -> float:
    """By WCAG 2: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(colour: str, ground: str) -> float:
    low, high = sorted((luminance(colour), luminance(ground)))
    return (high + 0.05) / (low + 0.05)


def test_a_matrix_is_shaded_by_the_share_of_its_row() -> None:
    html = charts.matrix("M", ["a", "b"], [[3, 1], [0, 200]])
    root = ElementTree.fromstring(html)
    cells = [(td.text, td.get("style") or "") for td in root.iter("td")][1:]
    assert [text for text, _ in cells] == ["3", "1", "0", "200"]
    shades = [float(found[1]) if (found := re.search(r"rgba\(.*,([\d.]+)\)", style)) else 0 for _, style in cells]
    assert shades[3] > shades[0] > shades[1] > shades[2] == 0
    right, wrong = cells[0][1].split("rgba(")[1][:3], cells[1][1].split("rgba(")[1][:3]
    assert right != wrong and right in cells[3][1]
    assert [th.text for th in root.iter("th")] == ["a", "b", "a", "b"]


def test_a_class_without_rows_has_no_shade() -> None:
    assert "rgba" not in charts.matrix("M", ["a", "b"], [[0, 0], [0, 0]])


def test_names_are_escaped() -> None:
    html = charts.matrix("<M>", ["<b>", "b"], [[1, 0], [0, 1]]) + charts.square("<S>", ("<x>", "y"), [(0, 0), (1, 1)])
    assert "<b>&lt;M&gt;" in html and "<x>" not in html and "&lt;b&gt;" in html
    assert "<S>" in [text.text for text in svg_in(html).iter(f"{_SVG}text")]


def test_a_curve_goes_up_where_the_values_do() -> None:
    svg = svg_in(charts.square("ROC", ("x", "y"), [(0, 0), (0, 0.5), (1, 1)]))
    line = next(svg.iter(f"{_SVG}polyline"))
    points = [tuple(map(float, point.split(","))) for point in line.get("points", "").split()]
    frame = next(svg.iter(f"{_SVG}rect"))
    left, top, side = (float(frame.get(name, "")) for name in ("x", "y", "width"))
    assert points == [(left, top + side), (left, top + side / 2), (left + side, top)]


def test_a_dots_area_goes_by_its_weight() -> None:
    svg = svg_in(charts.square("R", ("x", "y"), [(0.2, 0.3), (0.5, 0.5)], [0.1, 1.0]))
    radii = [float(dot.get("r", "")) for dot in svg.iter(f"{_SVG}circle")]
    assert 2 < radii[0] < radii[1] and not list(svg.iter(f"{_SVG}polyline"))


@pytest.mark.parametrize("colour", [charts.INK, charts.LINE])
@pytest.mark.parametrize("ground", ["#ffffff", "#111111"])
def test_colours_can_be_read_on_white_and_on_dark(colour: str, ground: str) -> None:
    # 4.35 is the most that one colour can have on both; WCAG asks 3 of drawings.
    assert contrast(colour, ground) > (4.2 if colour == charts.INK else 3.5)


def test_a_bar_is_as_long_as_its_share() -> None:
    html = charts.bars("zeros", [("a<b", 0.25, "25 %"), ("c", 1.5, "150 %")])
    assert "a&lt;b" in html and "width:25.0%" in html and "25 %" in html
    assert "width:100.0%" in html and "150 %" in html
