"""As many workers as there is work for, between two bounds."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from lepton_lab.errors import LeptonError

log = logging.getLogger(__name__)

INTERVAL = 1.0
"""Seconds between two looks."""
PATIENCE = 10.0
"""Seconds for which fewer workers must have been enough before some go: work often comes in bursts."""


class Adapter:
    """A thread that changes the number of workers until it is stopped.

    Parameters
    ----------
    bounds
        The fewest and the most workers.
    wanted
        Gives how many workers there is work for.
    present
        Gives how many there are.
    scale
        Makes it this many.
    """

    def __init__(
        self,
        bounds: tuple[int, int],
        wanted: Callable[[], int],
        present: Callable[[], int],
        scale: Callable[[int], object],
    ) -> None:
        self.bounds = bounds
        self._wanted, self._present, self._scale = wanted, present, scale
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lepton-adapter", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        enough_since, most = time.monotonic(), 0
        while not self._stopped.wait(INTERVAL):
            try:
                wanted, present = min(max(self._wanted(), self.bounds[0]), self.bounds[1]), self._present()
                if wanted >= present:
                    enough_since, most = time.monotonic(), 0
                    if wanted > present:
                        self._scale(wanted)
                    continue
                most = max(most, wanted)
                if time.monotonic() - enough_since > PATIENCE:
                    self._scale(most)
                    enough_since, most = time.monotonic(), 0
            except (LeptonError, OSError):
                log.debug("the cluster could not be adapted", exc_info=True)  # it is being changed, or has gone

    def stop(self) -> None:
        """Change nothing any more; waits for a change that is under way."""
        self._stopped.set()
        if self._thread is not threading.current_thread():
            self._thread.join(30.0)
