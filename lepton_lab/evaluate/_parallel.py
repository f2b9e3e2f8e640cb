"""The client's side: hand the pieces out, hear how far they are, end what was started.

Few pieces are out at a time, two for each worker: while one is answered the next one waits beside it. So a worker that
is slower than the others, or busy with a training run as well, takes fewer of them, and an interrupt has little to end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lepton_lab.errors import ClusterError, LeptonError
from lepton_lab.evaluate import _worker
from lepton_lab.evaluate._predictor import Predictor
from lepton_lab.evaluate._work import Work
from lepton_lab.events import Progress, Report, ignore

if TYPE_CHECKING:
    from distributed import Client, Future

AT_ONCE = 2
"""Pieces that a worker has in hand."""
RETRIES = 2
"""How often a piece is tried again whose child was lost; Dask counts lost workers apart from these."""
REPORT_SECONDS = 0.2
RELEASE_SECONDS = 3.0
"""How long to wait for the workers to end their children; one that does not answer ends its own later."""


def answer_here(work: Work, report: Report = ignore) -> tuple[str, ...]:
    """Answer all rows by one process on this host.

    Returns
    -------
    The workers that took part: none.

    Raises
    ------
    LeptonError
        What the model or its file caused.
    """
    progress = _Progress(work, report)
    predictor = Predictor(work)
    try:
        for piece in work.pieces():
            predictor.answer(piece)
            progress.add(piece)
    finally:
        predictor.close()
    return ()


def answer_on(
    client: Client, num_workers: int, work: Work, report: Report = ignore, only: Sequence[str] | None = None
) -> tuple[str, ...]:
    """Answer all rows by the workers of a cluster.

    Parameters
    ----------
    only
        Addresses of those that see the work's files; None where all do.

    Returns
    -------
    Names of the workers that took part.

    Raises
    ------
    LeptonError
        What the model or its file caused.
    ClusterError
        If the cluster went, or too many workers did.
    """
    from distributed import as_completed

    progress, names = _Progress(work, report), set()
    waiting: Iterator[range] = iter(work.pieces(num_workers))
    out: dict[Future, range] = {}
    running = as_completed(loop=client.loop)  # else that of the client that was made last

    def hand_out() -> None:
        if (piece := next(waiting, None)) is not None:
            # Without the resource `lepton`, of which a training run takes all for as long as it lasts: answers are
            # wanted now, and the worker's cores are shared with the rank meanwhile.
            future = client.submit(
                _worker.answer_piece,
                work,
                piece,
                key=f"lepton-predict-{work.token}-{piece.start}",
                retries=RETRIES,
                workers=only,
            )
            out[future] = piece
            running.add(future)

    try:
        for _ in range(AT_ONCE * num_workers):
            hand_out()
        for future in running:
            names.add(_worker_of(future))
            progress.add(out.pop(future))
            future.release()  # here, since Python drops an interrupt that comes while a `__del__` does it
            hand_out()
    finally:
        for future in out:
            future.release()
        _release(client, work.token)
    return tuple(sorted(names, key=lambda name: (len(name), name)))


def _worker_of(future: Future) -> str:
    """The worker that answered a piece; raises what went wrong instead."""
    try:
        answered: _worker.Answered = future.result()
    except LeptonError:
        raise
    except Exception as error:  # workers died again and again, or the cluster went
        raise ClusterError(
            f"Rows were lost with their worker ({type(error).__name__}): see %lepton cluster logs."
        ) from None
    if answered.error is not None:
        raise answered.error
    return answered.worker


def _release(client: Client, token: str) -> None:
    """Have every worker that still answers end its child."""

    def ask() -> None:
        try:
            client.run(_worker.release, token, on_error="ignore")
        except Exception:  # the cluster has gone, and the children with it
            return

    thread = threading.Thread(target=ask, name="lepton-predict-release", daemon=True)
    thread.start()
    thread.join(RELEASE_SECONDS)


class _Progress:
    """Tells how far the work is, about five times a second."""

    def __init__(self, work: Work, report: Report) -> None:
        self._work, self._report = work, report
        self._done, self._told = 0, 0.0
        self._began = time.monotonic()
        self._tell("loading the model")

    def add(self, piece: range) -> None:
        """A piece is done."""
        self._done += len(piece)
        now = time.monotonic()
        if now - self._told >= REPORT_SECONDS or self._done == self._work.num_rows:
            self._told = now
            rate = self._done / max(now - self._began, 1e-9)
            self._tell(f"{self._done:,} of {self._work.num_rows:,} rows, {rate:,.0f} rows/s")

    def _tell(self, message: str) -> None:
        self._report(Progress(f"predict {self._work.model}", message, self._done / self._work.num_rows))
