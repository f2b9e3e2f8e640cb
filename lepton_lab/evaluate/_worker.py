"""The worker's side: one child for all pieces of a work, kept between tasks.

These functions run inside Dask workers and never import TensorFlow.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field

from lepton_lab.errors import LeptonError
from lepton_lab.evaluate._predictor import WATCH_SECONDS, LostChildError, Predictor
from lepton_lab.evaluate._work import Work

LINGER_SECONDS = 60.0
"""How long a child waits for another piece if nobody releases it."""

RELEASE_SECONDS = 2.0
"""How long a release waits for a child that is just being started; after that, it is ended as soon as it is there."""


@dataclass(frozen=True)
class Answered:
    """A piece that is done, or that nobody need try again."""

    worker: str
    error: LeptonError | None = None
    """What the model or its file caused: another worker would say the same."""


@dataclass
class _Place:
    """What this worker keeps for one work."""

    turn: threading.Lock = field(default_factory=threading.Lock)
    """Held by the task whose piece the child answers: a worker with several threads runs several tasks at once."""
    predictor: Predictor | None = None
    timer: threading.Timer | None = None


_lock = threading.Lock()
_places: dict[str, _Place] = {}
_ended: set[str] = set()


def answer_piece(work: Work, piece: range) -> Answered:
    """Dask task: have a piece answered by this worker's child.

    Raises
    ------
    LeptonError
        If the child could not be started, or was lost: Dask tries the piece again, here or elsewhere.
    """
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def is_wanted() -> bool:
        """Whether the client that asked for this task is still there; Dask can't end a thread, but says so."""
        task = worker.state.tasks.get(key)
        return work.token not in _ended and task is not None and task.state == "executing"

    with _lock:
        place = _places.setdefault(work.token, _Place())
    while not place.turn.acquire(timeout=WATCH_SECONDS):
        if not is_wanted():
            raise LostChildError("Nobody waits for the answers any more.")
    try:
        if work.token in _ended:
            raise LostChildError("Nobody waits for the answers any more.")
        predictor = _predictor(place, work, worker.state.nthreads, "GPU" in worker.state.total_resources)
        try:
            predictor.answer(piece, is_wanted)
        except LeptonError as error:
            place.predictor = None
            predictor.close()
            if isinstance(error, LostChildError):
                raise
            return Answered(str(worker.name), error)
        return Answered(str(worker.name))
    finally:
        _linger(place, work.token)
        place.turn.release()


def _predictor(place: _Place, work: Work, threads: int, spawn: bool) -> Predictor:
    """The child that there is, or a new one."""
    if place.timer is not None:
        place.timer.cancel()
    if place.predictor is None:
        place.predictor = Predictor(work, threads, spawn=spawn)
        if work.token in _ended:  # released while it was started
            place.predictor.close()
    return place.predictor


def _linger(place: _Place, token: str) -> None:
    """End the child some time later, in case that the client dies without a word."""
    place.timer = threading.Timer(LINGER_SECONDS, _let_go, (token,))
    place.timer.daemon = True
    place.timer.start()


def _let_go(token: str) -> None:
    with _lock:
        place = _places.pop(token, None)
    if place is not None and place.timer is not None:
        place.timer.cancel()
    if place is not None and place.predictor is not None:
        place.predictor.close()


async def release(token: str) -> None:
    """End this worker's child of a work, also one that a task is just starting, and let no later task start another."""
    _ended.add(token)
    with _lock:
        place = _places.get(token)
    _let_go(token)
    if place is not None:
        await asyncio.to_thread(_wait_for, place)


def _wait_for(place: _Place) -> None:
    if place.turn.acquire(timeout=RELEASE_SECONDS):
        place.turn.release()
