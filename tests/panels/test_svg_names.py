from __future__ import annotations

import itertools
import re

from lepton_lab.panels._svg_names import LETTER, draw_names

INSIDE = (50.0, 20.0, 450.0, 220.0)


def places(parts: list[str]) -> dict[str, tuple[float, float]]:
    """Where each name begins."""
    found = [re.fullmatch(r'<text x="([\d.]+)" y="([\d.]+)">(.+)</text>', part) for part in parts]
    return {match[3]: (float(match[1]), float(match[2])) for match in found if match}


def test_a_name_stands_beside_its_dot() -> None:
    assert places(draw_names([("a&b", 100, 100)], [(100, 100)], [], INSIDE)) == {"a&amp;b": (107, 112)}


def test_names_do_not_cover_each_other() -> None:
    dots = [(100.0 + i, 100.0) for i in range(9)]
    found = places(draw_names([(f"model-{i}", *dot) for i, dot in enumerate(dots)], dots, [], INSIDE))
    assert 1 < len(found) < 9 and "model-0" in found
    for (x, y), (x2, y2) in itertools.combinations(found.values(), 2):
        assert abs(y - y2) >= 11 or abs(x - x2) >= LETTER * len("model-0")


def test_a_name_keeps_clear_of_the_line_and_of_dots() -> None:
    [(x, y)] = places(draw_names([("model", 100, 100)], [(100, 100)], [(100, 100), (200, 150)], INSIDE)).values()
    assert (x, y) == (107, 96)
    [(x, y)] = places(draw_names([("model", 100, 100)], [(100, 100), (120, 108)], [], INSIDE)).values()
    assert (x, y) == (107, 96)


def test_a_name_stays_inside() -> None:
    [(x, _)] = places(draw_names([("model", 440, 100)], [(440, 100)], [], INSIDE)).values()
    assert x + 5 * LETTER <= 440
    assert draw_names([("m" * 100, 100, 100)], [(100, 100)], [], INSIDE) == []
