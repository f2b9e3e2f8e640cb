"""The one lab of this kernel."""

from __future__ import annotations

import atexit
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lepton_lab.lab import Lab

_lock = threading.Lock()
_labs: list[Lab] = []  # none or one
_looking: list[Lab] = []  # none or one


def current_lab() -> Lab:
    """The lab that `%lepton` works on; made when it is first asked for, ended with the kernel."""
    with _lock:
        if not _labs:
            from lepton_lab.lab import Lab  # brings NumPy: not before it is needed

            lab = Lab()
            for seen in _looking:
                if seen.workspace.folder == lab.workspace.folder:
                    lab = seen  # what is shown of it goes on
                else:
                    seen.close()
            _looking.clear()
            _labs.append(lab)
            atexit.register(end_lab)
        return _labs[0]


def existing_lab() -> Lab | None:
    """The same, or while there is none what `look` found, or None: asking makes nothing."""
    return next(iter((*_labs, *_looking)), None)


def look() -> None:
    """Have a lab to look at, if the workspace is there before the first line: what earlier kernels left is in it.

    No line works on it, since the notebook may still choose another workspace.
    """
    from lepton_lab.lab import Lab

    with _lock:
        if not _labs and not _looking and (lab := Lab()).workspace.folder.is_dir():
            _looking.append(lab)


def end_lab() -> None:
    """Close the lab, if there is one; the next `current_lab` makes another."""
    with _lock:
        labs = [*_labs, *_looking]
        _labs.clear()
        _looking.clear()
    atexit.unregister(end_lab)
    for lab in labs:
        lab.close()
