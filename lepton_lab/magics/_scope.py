"""The variables that a `%lepton` line sees where it stands in a function."""

from __future__ import annotations

import sys
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import IPython

_NOT_THE_USERS = (str(Path(IPython.__file__).parent), str(Path(__file__).parents[1]))


def names_in_sight() -> dict[str, Any]:
    """What the code that runs the line sees, by name: its globals, then variables of functions around it, then its own.

    Python keeps of an outer function's variables only those that the inner one names, and a line is no more than text
    to Python; but as long as the outer function is under way it has them all.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_NOT_THE_USERS):
        frame = frame.f_back
    if frame is None:
        return {}
    names: dict[str, Any] = dict(frame.f_locals)
    inner, outer = frame.f_code, frame.f_back
    while outer is not None:
        if inner in (each for each in outer.f_code.co_consts if isinstance(each, CodeType)):
            names = {**outer.f_locals, **names}
            inner = outer.f_code
        outer = outer.f_back
    return {**frame.f_globals, **names}
