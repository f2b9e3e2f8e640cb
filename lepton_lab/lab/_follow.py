"""The kernel's side of a run: what its controller writes becomes events of the lab."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from lepton_lab.events import Event, Report, RunChanged
from lepton_lab.train import Reader, owner_lives, read_run
from lepton_lab.types import FINAL_STATES, Run

ALIVE_SECONDS = 1.0
"""How often to see whether the controller's process is still there."""
LOST = "The process that conducted it has gone: go on with %lepton run resume {id}."


class Follower:
    """Publishes a run's events from now on, until it is over."""

    def __init__(self, folder: Path, report: Report) -> None:
        self.folder, self._report = folder, report
        self._reader = Reader(folder)
        self._over = threading.Event()
        self.dismissals = 0
        """How often those who wait for it were told not to."""
        self._looked = time.monotonic()
        self._thread = threading.Thread(target=self._follow, name=f"lepton-follow-{folder.name}", daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """Whether the run has ended, and all that it said was published."""
        return self._over.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the run is over; False if `timeout` seconds went by before."""
        return self._over.wait(timeout)

    def stop(self) -> None:
        """Stop following; the run goes on."""
        self._over.set()

    def _follow(self) -> None:
        self._reader.follow(self._take, self._is_lost_or_stopped)
        self._over.set()

    def _take(self, event: Event) -> None:
        if self._over.is_set():
            return
        self._report(event)
        if isinstance(event, RunChanged) and event.state in FINAL_STATES:
            self._over.set()

    def _is_lost_or_stopped(self) -> bool:
        if self._over.is_set():
            return True
        now = time.monotonic()
        if now - self._looked < ALIVE_SECONDS or not (self.folder / "owner.json").exists():
            return False
        self._looked = now
        if owner_lives(self.folder):
            return False
        run = as_it_stands(self.folder)
        if not (self.folder / "run.json").exists() or read_run(self.folder).is_over:
            return True
        self._report(RunChanged(run=run.id, state=run.state, message=run.error))
        return True


def as_it_stands(folder: Path) -> Run:
    """A run's record, as failed where nobody conducts it any more."""
    from dataclasses import replace

    run = read_run(folder)
    if run.is_over:
        return run
    if (folder / "owner.json").exists() and not owner_lives(folder):
        run = read_run(folder)  # it may have ended well between the two looks
        return run if run.is_over else replace(run, state="failed", error=LOST.format(id=run.id))
    return replace(run, seconds=time.time() - run.started)
