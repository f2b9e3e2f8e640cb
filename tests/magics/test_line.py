"""Where in a cell there is a line of ours."""

from __future__ import annotations

import pytest

from lepton_lab.magics._line import line_at


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("%lepton tr|", (" tr", 7)),
        ("%lepton| train", (" train", 7)),
        ("|%lepton", ("", 7)),
        ("r = %lepton mod|", (" mod", 11)),
        ("a, b = %lepton x|", (" x", 14)),
        ("x = 1\n  %lepton tra|in m\ny", (" train m", 15)),
        ("%%lepton model n|ew\nbody", (" model new", 8)),
        ("%%lepton model new\nbo|dy", None),
        ("x\n%%lepton mo|del", None),
        ("%leptonic |", None),
        ("print('%lepton |')", None),
        ("é = %lepton é|", (" é", 11)),
        ("|", None),
    ],
)
def test_line_at(text: str, found: tuple[str, int] | None) -> None:
    assert line_at(text.replace("|", ""), text.index("|")) == found
