"""Charts as they are drawn."""

from __future__ import annotations

import base64
import re
from xml.etree import ElementTree

import pytest

from lepton_lab.gantt import WIDTH, Gantt, Span, draw, image
from lepton_lab.gantt._svg import shortened

SVG = "{http://www.w3.org/2000/svg}"


def svg_of(html: str) -> ElementTree.Element:
    found = re.search(r"base64,([^']+)'", html)
    assert found
    return ElementTree.fromstring(base64.b64decode(found[1]))


def texts(html: str) -> list[str]:
    return [text.text or "" for text in svg_of(html).iter(f"{SVG}text")]


def chart(num_rows: int = 2, num_spans: int = 3, **options: object) -> Gantt:
    rows = tuple(f"m{n}" for n in range(num_rows))
    spans = tuple(Span(row, float(n), n + 1.0, f"t{n}") for row in rows for n in range(num_spans))
    return Gantt("A plan", rows, spans, **options)  # type: ignore[arg-type]


def test_each_bar_lies_where_its_time_is() -> None:
    html = image(Gantt("p", ("a", "b"), (Span("a", 0, 3600, "long"), Span("b", 3600, 7200, "<x>"))))
    first, second = (dict(rect.items()) for rect in svg_of(html).iter(f"{SVG}rect"))
    assert float(second["x"]) == pytest.approx(float(first["x"]) + float(first["width"]), abs=1)
    assert float(second["y"]) > float(first["y"])
    assert {"long", "<x>", "a", "b", "2 h"} <= set(texts(html))


def test_a_bar_says_what_it_is_under_the_pointer() -> None:
    html = image(Gantt("p", ("a",), (Span("a", 0, 0.5, "first"), Span("a", 0.5, 400, "<b>", is_late=True))))
    assert "title='first on a: 0.5 s, from 0.0 s to 0.5 s'" in html
    assert "title='&lt;b&gt; on a: 6 min 40 s, from 0.5 s to 6 min 40 s, late'" in html
    assert "first" not in texts(html)  # no room
    assert "<b> (late)" in texts(html) and {"in time", "late"} <= set(texts(html))


def test_what_was_planned_stands_above_what_happened() -> None:
    gantt = chart(1, 1, planned=(Span("m0", 0, 2, "t0"),))
    planned, happened = (
        dict(rect.items())
        for rect in svg_of(image(gantt)).iter(f"{SVG}rect")
        if rect.get("rx") is None and rect.get("y") != "7"
    )
    assert float(planned["y"]) < float(happened["y"]) and planned["fill-opacity"] == "0.35"
    assert float(planned["width"]) == pytest.approx(2 * float(happened["width"]), abs=2)


def test_lines_that_are_close_do_not_cover_each_others_names() -> None:
    parts, _ = draw(chart(lines=(("bound", 2.9), ("planned", 3.0))))
    heights = [re.search(r'y="(\d+)"', part) for part in parts if "bound" in part or "planned" in part]
    assert len({found[1] for found in heights if found}) == 2


def test_names_that_are_too_long_keep_their_ends() -> None:
    assert shortened("abc", 3) == "abc"
    assert shortened("machine-of-somebody-17", 9) == "mach…y-17"
    html = image(Gantt("p", tuple(f"machine-with-a-long-name-{n}" for n in range(12)), ()))
    assert len(set(texts(html))) >= 12


def test_nothing_is_drawn_as_nothing() -> None:
    assert f'width="{WIDTH}"' in ElementTree.tostring(svg_of(image(Gantt("p", (), ())))).decode()
