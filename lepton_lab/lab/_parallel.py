"""Several pieces of work at once, each on one worker: the trials of a search, the folds of a cross-validation."""

from __future__ import annotations

import queue
import threading
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
    """Do all pieces, as many at once as there are workers.

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
    names = [worker.name for worker in lab.cluster.handle.workers()]
    free: queue.SimpleQueue[str] = queue.SimpleQueue()
    for name in names:
        free.put(name)

    def on_a_free_one(work: Work[T]) -> T:
        worker = free.get()
        try:
            return work.do((worker,))
        finally:
            free.put(worker)

    waiting, running = dict(works), dict[Future[T], str]()
    with (
        ThreadPoolExecutor(len(names), "lepton-parallel") as pool,
        STOP.get(Stop()).heard() as stop,
    ):
        try:
            while waiting or running:
                if stop.is_set():
                    raise StoppedError(
                        f"Stopped when {len(works) - len(waiting) - len(running)} of {len(works)} were done."
                    )
                under_way = set(waiting) | set(running.values())
                for name in [name for name, work in waiting.items() if work.after not in under_way]:
                    running[pool.submit(on_a_free_one, waiting.pop(name))] = name
                for future in wait(running, timeout=0.2, return_when=FIRST_COMPLETED).done:
                    name = running.pop(future)
                    done(name, future.result())
        except BaseException:
            for future in running:
                future.cancel()
            while wait(running, timeout=0.2).not_done:  # one that had no run yet may begin one now
                for run in lab.run.active():
                    if run.id.rpartition("-")[0] in running.values():
                        with suppress(LeptonError):
                            lab.run.stop(run.id)
            raise
