from __future__ import annotations

import base64
import math
import re
from xml.etree import ElementTree

import pytest

from lepton_lab.panels._history import History
from lepton_lab.panels._picture import Bar, BarPlot, Dot, DotPlot, Line, Picture, Plot, legend, styles
from lepton_lab.panels._svg import draw, image
from lepton_lab.panels._svg_plots import FEW

SVG = "{http://www.w3.org/2000/svg}"


def picture_of(names: list[str], num_plots: int = 4) -> Picture:
    look = styles(names)
    lines = tuple(Line(name, name, "cpu", *look[name]) for name in names)
    return Picture("Title <b>", tuple(Plot(f"plot {i}", "%", lines) for i in range(num_plots)), legend(look))


def history_of(num_rows: int, offset: float = 0.0) -> History:
    history = History(["cpu"])
    for i in range(num_rows):
        history.add(1e9 + i, {"cpu": 100 + 90 * math.sin(i / 50) + offset})
    return history


def test_it_is_xml_that_shows_every_series_in_every_plot() -> None:
    names = ["w0", "w1", "a&b"]
    root = ElementTree.fromstring(draw(picture_of(names), {name: history_of(300) for name in names}))
    drawn = [title.text for title in root.iterfind(f".//{SVG}path/{SVG}title")]
    assert drawn == names * 4
    assert root.findtext(f"{SVG}title") == "Title <b>"
    assert {"w0", "w1", "a&b", "plot 3"} <= {text.text for text in root.iter(f"{SVG}text")}


def test_it_is_small_however_much_there_is() -> None:
    names = [f"w{i}" for i in range(16)]
    svg = draw(picture_of(names, 6), {name: history_of(20_000, i) for i, name in enumerate(names)})
    assert 20_000 < len(svg) < 100_000
    ElementTree.fromstring(svg)


@pytest.mark.parametrize("num_rows", [0, 1, 2])
def test_hardly_any_rows(num_rows: int) -> None:
    assert ElementTree.fromstring(draw(picture_of(["w0"]), {"w0": history_of(num_rows)})).tag.endswith("svg")


def test_no_history_yet() -> None:
    for picture in (picture_of([]), Picture("empty", ())):
        assert ElementTree.fromstring(draw(picture, {})).tag.endswith("svg")


def test_missing_values_make_a_gap() -> None:
    history = History(["cpu"])
    for i, value in enumerate([1.0, 2.0, math.nan, 3.0, 4.0]):
        history.add(float(i), {"cpu": value})
    root = ElementTree.fromstring(draw(picture_of(["w0"], 1), {"w0": history}))
    line = next(path for path in root.iter(f"{SVG}path") if path.find(f"{SVG}title") is not None)
    assert line.attrib["d"].count("M") == 2 and "nan" not in line.attrib["d"]


def test_many_names_wrap_the_legend() -> None:
    names = [f"worker-{i}" for i in range(40)]
    root = ElementTree.fromstring(draw(picture_of(names), {name: history_of(5) for name in names}))
    places = {text.text: (float(text.attrib["x"]), float(text.attrib["y"])) for text in root.findall(f"{SVG}text")}
    assert max(x for x, _ in places.values()) < 900 and places["worker-39"][1] > places["worker-0"][1]


def test_bars_are_stacked_and_say_what_they_are() -> None:
    bars = (
        Bar("w0", 2.0, "#123456", "one"),
        Bar("w0", 2.0, "#123456", "two", 0.6),
        Bar("w1", 1.0, "#123456", "<three>"),
    )
    root = ElementTree.fromstring(draw(Picture("bars", (BarPlot("kB", ("w0", "w1"), bars),)), {}))
    first, second, third = root.iter(f"{SVG}rect")
    assert [rect.findtext(f"{SVG}title") for rect in (first, second, third)] == ["one", "two", "<three>"]
    assert float(second.attrib["x"]) == pytest.approx(float(first.attrib["x"]) + float(first.attrib["width"]), abs=0.2)
    assert first.attrib["y"] == second.attrib["y"] and float(second.attrib["y"]) < float(third.attrib["y"])
    assert first.attrib["x"] == third.attrib["x"]


def test_many_bars_make_it_higher() -> None:
    places = tuple(f"w{i}" for i in range(16))
    root = ElementTree.fromstring(draw(Picture("bars", (BarPlot("kB", places, ()),)), {}))
    assert int(root.attrib["height"]) > 16 * 20


def dots_of(*places: tuple[str, float, float]) -> tuple[Dot, ...]:
    return tuple(Dot(name, x, y, "#123456", "circle", "words") for name, x, y in places)


def test_dots_are_named_and_those_of_the_front_are_joined() -> None:
    dots = dots_of(("c", 30, 0), ("a", 1, 0), ("b", 1000, 1))
    root = ElementTree.fromstring(draw(Picture("dots", (DotPlot("kB", dots, (1, 2)),)), {}))
    assert {"a", "b", "c"} <= {text.text for text in root.iter(f"{SVG}text")}
    assert "b: words" in [title.text for title in root.iter(f"{SVG}title")]
    [front] = [path for path in root.iter(f"{SVG}path") if path.get("stroke-width") == "1.6"]
    assert re.fullmatch(r"M[\d.]+ [\d.]+l0 0l[\d.]+ -[\d.]+", front.attrib["d"])


def test_of_many_dots_those_of_the_front_are_named() -> None:
    dots = dots_of(*((f"m{i}", 10.0 ** (i % 5), i) for i in range(FEW + 1)))
    root = ElementTree.fromstring(draw(Picture("dots", (DotPlot("kB", dots, (5, 8)),)), {}))
    assert {text.text for text in root.iter(f"{SVG}text")} & {dot.name for dot in dots} == {"m5", "m8"}


@pytest.mark.parametrize(
    "plot", [BarPlot("", (), ()), DotPlot("", ()), DotPlot("", (Dot("a", 5, 1, "", "square", ""),))]
)
def test_hardly_any_bars_and_dots(plot: BarPlot | DotPlot) -> None:
    assert ElementTree.fromstring(draw(Picture("empty", (plot,)), {})).tag.endswith("svg")


def test_the_image_carries_its_words() -> None:
    html = image("<svg/>", "last 'values' & more")
    assert "alt='last &#x27;values&#x27; &amp; more'" in html
    assert base64.b64encode(b"<svg/>").decode() in html
