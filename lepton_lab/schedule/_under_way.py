"""The calls that workers are in: an interrupted map ends its own, and one that waits finds out for whose.

A call is ended by an exception in its thread, which Python raises there before it goes on. Code that waits in C, or
that catches whatever comes, goes on all the same.
"""

from __future__ import annotations

import ctypes
import threading

_lock = threading.Lock()
_maps: dict[int, str] = {}
"""By this worker's thread, the map whose call it is in."""


class Ended(BaseException):
    """The map was interrupted whose call this is; none that an `except Exception` catches."""


def begin(thread: int, of: str) -> None:
    """Note that a thread of this worker, the one that says so, is in a call of a map."""
    _maps[thread] = of


def finish(thread: int) -> None:
    """Note that it no longer is; what was to end it is raised in here at the latest."""
    try:
        with _lock:
            _maps.pop(thread, None)
    finally:
        _maps.pop(thread, None)


def maps() -> set[str]:
    """The maps whose calls this worker is in."""
    return set(_maps.values())


def end(of: str) -> bool:
    """End this worker's calls of a map; returns whether there were any."""
    with _lock:
        threads = [thread for thread, each in tuple(_maps.items()) if each == of]
        for thread in threads:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(Ended))
    return bool(threads)
