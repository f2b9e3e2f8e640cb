"""Names beside the dots of the static picture, as many as can be read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from itertools import pairwise

LETTER = 6
"""Of a letter's width in pixels, about."""
Place = tuple[float, float]
"""Of a dot, in pixels."""
Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in pixels."""


def draw_names(
    names: Sequence[tuple[str, float, float]], dots: Sequence[Place], line: Sequence[Place], inside: Box
) -> list[str]:
    """Names beside their dots, of those that come first for as long as there is room.

    Parameters
    ----------
    names
        Each with the place of its dot.
    dots, line
        Dots, and the corners of a line, that no name may cover; nor may it cover another name.
    inside
        Where names may stand.
    """
    taken, parts = [*(_around(dot, 5) for dot in dots), *_along(line)], []
    for name, x, y in names:
        width = LETTER * len(name)
        middle = min(max(x - width / 2, inside[0] + 2), inside[2] - width)
        beside = [(left, base) for left in (x + 7, x - 7 - width) for base in (y + 12, y - 4)]
        for left, base in (*beside, (middle, y - 9), (middle, y + 17)):
            box = (left, base - 9, left + width, base + 2)
            is_inside = inside[0] <= left and inside[1] <= box[1] and box[2] <= inside[2] and box[3] <= inside[3]
            if is_inside and not any(_overlap(box, other) for other in taken):
                parts.append(f'<text x="{left:.1f}" y="{base:.1f}">{escape(name)}</text>')
                taken.append(box)
                break
    return parts


def _around(place: Place, reach: float) -> Box:
    x, y = place
    return x - reach, y - reach, x + reach, y + reach


def _along(line: Sequence[Place]) -> list[Box]:
    """Small boxes along a line."""
    found = []
    for (x, y), (x2, y2) in pairwise(line):
        num = max(1, round(math.hypot(x2 - x, y2 - y) / LETTER))
        found += [_around((x + (x2 - x) * i / num, y + (y2 - y) * i / num), 2) for i in range(num + 1)]
    return found


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
