"""The worker's side of a run: hold a port, own a rank, pass on what it says.

These functions run inside Dask workers and never import TensorFlow. What they keep between calls stands in
`_ports` and `_ranks`, by a run's token and rank, and is let go of by `release`.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lepton_lab.errors import LeptonError, UserCodeError
from lepton_lab.forkserver import Child, describe_exit, hold
from lepton_lab.train._job import Job, Seat
from lepton_lab.train._rank import environment, log_name

WATCH_SECONDS = 1.0
"""How often to see whether a silent rank is still wanted."""
START_SECONDS = 180.0
"""How long a rank may be silent while it joins its peers and traces its first step."""
STEPS_OF_SILENCE = 20
"""How many times the longest time between two reports so far a rank may be silent."""
LINGER_SECONDS = 60.0
"""How long a finished rank stays for its peers if nobody releases it."""


@dataclass(frozen=True)
class Outcome:
    """How a rank ended."""

    rank: int
    at: float
    """Seconds since the epoch."""
    result: dict[str, Any] | None = None
    """What `run_rank` returned, where it ended well."""
    error: LeptonError | None = None
    is_peer_error: bool = False
    """Whether the rank only says that another one has gone."""


_lock = threading.Lock()
_ports: dict[tuple[str, int], socket.socket] = {}
_ranks: dict[tuple[str, int], Child] = {}
_ended: set[str] = set()


def topic(job: Job) -> str:
    """The topic of Dask's events under which a run's ranks are heard."""
    return f"lepton-train-{job.token}"


def reserve(token: str, rank: int, host: str) -> str:
    """Hold a free port for a rank; returns its `host:port`.

    The socket is bound and kept, but doesn't listen: TensorFlow may still bind the same port (SO_REUSEADDR), and
    nobody else gets it in between.
    """
    held = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((host, 0))
    with _lock:
        _ports[token, rank] = held
    port = held.getsockname()[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def supervise(job: Job, seat: Seat, address: str) -> Outcome:
    """Dask task: start the rank, pass on its events, say how it ended. It never raises for what the rank did.

    Parameters
    ----------
    address
        Of the worker on which the rank has its port; the task was let run elsewhere only so that it can't wait for
        ever for a worker that has died.
    """
    from distributed import get_worker, secede

    worker = get_worker()
    if worker.address != address:
        return Outcome(
            seat.rank, time.time(), error=LeptonError(f"Worker {seat.worker} was lost: see %lepton cluster logs.")
        )
    key = worker.get_current_task()
    secede()  # the worker's threads stay free for other tasks

    def is_wanted() -> bool:
        """Whether the client that asked for this task is still there; Dask can't end a thread, but says so."""
        task = worker.state.tasks.get(key)
        return task is not None and task.state in ("executing", "long-running")

    try:
        hold()
        child = Child(
            "lepton_lab.train._rank:run_rank",
            {"job": job, "seat": seat},
            environment=environment(seat) | _device(),
            log=job.logs / log_name(seat),
            spawn="GPU" in worker.state.total_resources,
        )
    except LeptonError as error:
        return Outcome(seat.rank, time.time(), error=error)
    with _lock:
        _ranks[job.token, seat.rank] = child
        stopped = job.token in _ended
    if stopped:
        child.kill()
    try:
        return _follow(child, job, seat, lambda event: worker.log_event(topic(job), event), is_wanted)
    finally:
        timer = threading.Timer(LINGER_SECONDS, release, (job.token,))
        timer.daemon = True
        timer.start()


def _device() -> dict[str, str]:
    """The GPU that this worker was given, for its ranks."""
    name = "CUDA_VISIBLE_DEVICES"
    return {name: os.environ[name]} if name in os.environ else {}


def _follow(
    child: Child, job: Job, seat: Seat, pass_on: Callable[[dict[str, Any]], None], is_wanted: Callable[[], bool]
) -> Outcome:
    """Read what a rank says until it has said how it ended, or there is a reason to end it."""
    rank, where, heard = seat.rank, f"rank {seat.rank} on worker {seat.worker}", time.monotonic()
    patience = START_SECONDS
    while True:
        message = child.receive(WATCH_SECONDS)
        if message is not None:
            if patience == START_SECONDS and _is_progress(message):
                patience = job.patience
            elif _is_progress(message):  # a model whose steps are long is silent for long
                patience = max(patience, STEPS_OF_SILENCE * (time.monotonic() - heard))
            heard = time.monotonic()
        match message:
            case None if time.monotonic() - heard > patience:
                child.kill()
                error = LeptonError(f"No sign of life from {where} for {patience:.0f} s; it was killed.")
                return Outcome(rank, time.time(), error=error)
            case ("event", dict() as event):
                pass_on({**event, "rank": rank})
            case ("result", dict() as result):
                return Outcome(rank, time.time(), result=result)
            case ("error", known, line, text):
                error = known or UserCodeError(f"{where} raised {line}", text)
                return Outcome(rank, time.time(), error=error, is_peer_error=_blames_a_peer(line))
            case ("exit", code):
                error = LeptonError(f"The process of {where} ended with {describe_exit(code)}.")
                return Outcome(rank, time.time(), error=error)
        if not is_wanted():
            child.kill()
            return Outcome(rank, time.time(), error=LeptonError(f"Nobody waits for {where} any more."))


def _is_progress(message: tuple[Any, ...]) -> bool:
    return message[0] == "event" and bool(message[1].get("type") == "progress")


def _blames_a_peer(line: str) -> bool:
    """Whether an exception's last line is what TensorFlow's collectives say when another rank has gone."""
    return line.startswith(("UnavailableError", "AbortedError", "DeadlineExceededError", "InternalError")) or (
        "CollectiveAllReduce" in line or "coordination service" in line.lower()
    )


def release(token: str) -> None:
    """Kill this worker's ranks of a run and let its ports go; also keeps later ones of that run from starting."""
    with _lock:
        _ended.add(token)
        ports = [_ports.pop(key) for key in list(_ports) if key[0] == token]
        ranks = [_ranks.pop(key) for key in list(_ranks) if key[0] == token]
    for held in ports:
        held.close()
    for child in ranks:
        child.kill()
