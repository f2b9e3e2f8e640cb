"""Several pieces of work at once, each on one worker: the trials of a search, the folds of a cross-validation."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from lepton_lab.errors import LeptonError, StoppedError

if TYPE_CHECKING:
    from lepton_lab.lab._lab import Lab

T = TypeVar("T")


class Stop:
    """Ends parallel work from another thread than the one that waits for it, where an interrupt can't reach it."""

    def __init__(self) -> None:
        self.is_heard = False
        """Whether there is such work now."""
        self._wanted = threading.Event()

    def __call__(self) -> None:
        """Have the work end soon, with StoppedError; returns at once."""
        self._wanted.set()

    @contextmanager
    def heard(self) -> Iterator[threading.Event]:
        """For whoever works: the event to look at."""
        self.is_heard = True
        try:
            yield self._wanted
        finally:
            self.is_heard = False


STOP: ContextVar[Stop] = ContextVar("STOP")
"""Set by whoever may want to end what is called from its context."""


@dataclass(frozen=True)
class Work(Generic[T]):
    """One piece."""

    do: Callable[[tuple[str, ...]], T]
    """Does it on the workers of these names; called in a thread of its own."""
    after: str = ""
    """The name of the piece that must be done before; empty for none."""


def on_workers(lab: Lab, works: Mapping[str, Work[T]], done: Callable[[str, T], None]) -> None:
    """Do all pieces, as many at once as there are workers; one that joins meanwhile takes its share.

    Parameters
    ----------
    works
        By name; a run that one of them starts makes a model of that name.
    done
        Told of each piece that is done, in the caller's thread.

    Raises
    ------
    StoppedError
        If the caller's `STOP` was called.
    Exception
        What the first piece raises, or KeyboardInterrupt. In each case the runs under way are stopped before.
    """
    waiting, running = dict(works), dict[Future[T], tuple[str, str]]()  # the piece, and its worker
    with (
        ThreadPoolExecutor(max(1, len(works)), "lepton-parallel") as pool,
        STOP.get(Stop()).heard() as stop,
    ):
        try:
            while waiting or running:
                if stop.is_set():
                    raise StoppedError(
                        f"Stopped when {len(works) - len(waiting) - len(running)} of {len(works)} were done."
                    )
                under_way = {*waiting, *(name for name, _ in running.values())}
                ready = [name for name, work in waiting.items() if work.after not in under_way]
                busy = {worker for _, worker in running.values()}
                # what a piece trains with lies in the workspace
                seeing = lab.cluster.handle.sight(lab.workspace.folder).seeing if ready else ()
                free = [info.name for info in seeing if info.name not in busy]
                for name, worker in zip(ready, free, strict=False):
                    running[pool.submit(waiting.pop(name).do, (worker,))] = (name, worker)
                if not running:
                    time.sleep(0.2)  # there is no worker now
                for future in wait(running, timeout=0.2, return_when=FIRST_COMPLETED).done:
                    name, _ = running.pop(future)
                    done(name, future.result())
        except BaseException:
            for future in running:
                future.cancel()
            while wait(running, timeout=0.2).not_done:  # one that had no run yet may begin one now
                names = {name for name, _ in running.values()}
                for run in lab.run.active():
                    if run.id.rpartition("-")[0] in names:
                        with suppress(LeptonError):
                            lab.run.stop(run.id)
            raise
