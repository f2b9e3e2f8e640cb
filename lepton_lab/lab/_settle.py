"""Brings shards to where they belong when workers came or went unasked."""

from __future__ import annotations

import threading
from collections.abc import Callable

WAIT_SECONDS = 5.0
"""How long to wait for more to happen first: a worker that died is mostly back within a second or two."""


class Settler:
    """Calls `settle` on a thread, some seconds after the last of several calls; never twice at once.

    Parameters
    ----------
    settle
        What to do; called again if something happened meanwhile.
    """

    def __init__(self, settle: Callable[[], object]) -> None:
        self._settle = settle
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._turn = threading.Lock()

    def __call__(self) -> None:
        """Something happened."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = threading.Timer(WAIT_SECONDS, self._do)
            self._timer.name, self._timer.daemon = "lepton-settler", True
            self._timer.start()

    def _do(self) -> None:
        with self._turn:
            self._settle()

    def stop(self) -> None:
        """Begin nothing any more."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
