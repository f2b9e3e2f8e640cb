"""The one lab of this kernel."""

from __future__ import annotations

import atexit
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lepton_lab.lab import Lab

_lock = threading.Lock()
_labs: list[Lab] = []  # none or one


def current_lab() -> Lab:
    """The lab that `%lepton` works on; made when it is first asked for, ended with the kernel."""
    with _lock:
        if not _labs:
            from lepton_lab.lab import Lab  # brings NumPy: not before it is needed

            _labs.append(Lab())
            atexit.register(end_lab)
        return _labs[0]


def existing_lab() -> Lab | None:
    """The same, or None while there is none: asking makes nothing."""
    return _labs[0] if _labs else None


def end_lab() -> None:
    """Close the lab, if there is one; the next `current_lab` makes another."""
    with _lock:
        labs, _labs[:] = list(_labs), []
    atexit.unregister(end_lab)
    for lab in labs:
        lab.close()
