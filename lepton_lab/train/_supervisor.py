"""The worker's side of a run: hold a port, own a rank, pass on what it says.

These functions run inside Dask workers and never import TensorFlow. What they keep between calls stands in
`_ports` and `_ranks`, by a run's token and rank, and is let go of by `release`.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import psutil

from lepton_lab.errors import LeptonError, UserCodeError
from lepton_lab.forkserver import Child, describe_exit, hold, own_devices, way_out
from lepton_lab.train._job import Job, Seat
from lepton_lab.train._rank import JoinError, environment, log_name

WATCH_SECONDS = 1.0
"""How often to see whether a silent rank is still wanted, and not stopped."""
JOIN_SECONDS = 30.0
"""How long a rank may take to find its peers, from when it has TensorFlow."""
SPAWN_SECONDS = 120.0
"""The same for one that has to import TensorFlow first, or waits for a peer that has to."""
TRACE_SECONDS = 180.0
"""How long its first step may take, with which TensorFlow traces and compiles the model."""
PATIENCE = 30.0
"""How long it may be silent after that, at least."""
ALONE_SECONDS = 180.0
"""How long the first rank may be silent at what it does alone, while the others wait for it."""
_ALONE = {"converting": "to convert and write the model", "callbacks": "in its callbacks"}
"""What that is, by the event that begins it."""
BUSY_SHARE = 0.02
"""Of one core: a silent rank that has computed more than that since it was last looked at is slow, and doesn't hang."""
BUSY_SECONDS = 3600.0
"""How long such a one may be silent all the same."""
STEPS_OF_SILENCE = 20
"""How many times the longest time between two reports so far it may be silent."""
STOPPED_SECONDS = 3.0
"""How long a rank's process may be stopped, as by SIGSTOP."""
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
    is_final: bool = False
    """Whether to start again would only fail again: the user's code, data or settings are to blame."""
    is_peer_error: bool = False
    """Whether the rank only says that another one has gone."""


_lock = threading.Lock()
_ports: dict[tuple[int, str, int], socket.socket] = {}
"""By generation, the run's token and rank, as the next one."""
_ranks: dict[tuple[int, str, int], Child] = {}
_ended: dict[str, int] = {}
"""By token the last generation that was let go."""


def topic(job: Job) -> str:
    """The topic of Dask's events under which a run's ranks are heard."""
    return f"lepton-train-{job.token}"


def reserve(token: str, generation: int, rank: int, host: str) -> str:
    """Hold a free port for a rank; returns its `host:port`.

    The socket is bound and kept, but doesn't listen: TensorFlow may still bind the same port (SO_REUSEADDR), and
    nobody else gets it in between.
    """
    held = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((host, 0))
    with _lock:
        _ports[generation, token, rank] = held
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

    def pass_on(event: dict[str, Any]) -> None:
        worker.log_event(topic(job), {**event, "rank": seat.rank, "generation": seat.generation})

    pass_on({"type": "taken"})  # the worker isn't busy; TensorFlow may take long to load

    def is_wanted() -> bool:
        """Whether the client that asked for this task is still there; Dask can't end a thread, but says so."""
        task = worker.state.tasks.get(key)
        return task is not None and task.state in ("executing", "long-running")

    try:
        hold()
        is_spawned = "GPU" in worker.state.total_resources
        child = Child(
            "lepton_lab.train._rank:run_rank",
            {"job": job, "seat": seat},
            environment=environment(seat) | _device(seat),
            log=job.folder / log_name(seat),
            spawn=is_spawned,
        )
    except LeptonError as error:
        return Outcome(seat.rank, time.time(), error=error)
    with _lock:
        _ranks[seat.generation, job.token, seat.rank] = child
        stopped = _ended.get(job.token, 0) >= seat.generation
    if stopped:
        child.kill()
    try:
        return _follow(child, seat, pass_on, is_wanted, is_spawned)
    finally:
        timer = threading.Timer(LINGER_SECONDS, release, (job.token, seat.generation))
        timer.daemon = True
        timer.start()


def _device(seat: Seat) -> dict[str, str]:
    """The GPUs for a rank: all of the host's workers' for `mirrored`, else the one that this worker was given."""
    return own_devices() | ({"CUDA_VISIBLE_DEVICES": seat.visible} if seat.visible else {})


def visible_devices() -> str:
    """The GPUs that this worker was given, as CUDA's variable names them; empty where it has none."""
    return os.environ.get("CUDA_VISIBLE_DEVICES", "")


def tell(token: str, generation: int, message: str) -> None:
    """Say a word to this worker's ranks of a run: `"stop"`."""
    with _lock:
        ranks = [child for key, child in _ranks.items() if key[:2] == (generation, token)]
    for child in ranks:
        child.send(message)


def _follow(
    child: Child, seat: Seat, pass_on: Callable[[dict[str, Any]], None], is_wanted: Callable[[], bool], is_spawned: bool
) -> Outcome:
    """Read what a rank says until it has said how it ended, or there is a reason to end it."""
    rank, where = seat.rank, f"rank {seat.rank} on worker {seat.worker}"
    heard, stopped_since = time.monotonic(), 0.0
    usual = patience, waits_for = SPAWN_SECONDS, "to load TensorFlow"
    looked, computed = heard, _cpu_seconds(child.pid)

    def lost(why: str) -> Outcome:
        child.kill()
        return Outcome(rank, time.time(), error=LeptonError(why))

    while True:
        message = child.receive(WATCH_SECONDS)
        now = time.monotonic()
        match message:
            case ("event", dict() as event):
                if event["type"] == "joining":
                    patience, waits_for = SPAWN_SECONDS if is_spawned else JOIN_SECONDS, "to find its peers"
                elif event["type"] == "joined":
                    patience, waits_for = TRACE_SECONDS, "to take its first step"
                elif event["type"] in _ALONE:
                    usual = patience, waits_for
                    patience, waits_for = BUSY_SECONDS if rank else ALONE_SECONDS, _ALONE[event["type"]]
                elif event["type"] == "called":
                    patience, waits_for = usual
                else:  # a model whose steps are long is silent for long
                    longest = STEPS_OF_SILENCE * (now - heard) if waits_for == "to go on" else 0.0
                    patience, waits_for = max(patience if longest else PATIENCE, longest), "to go on"
                pass_on(event)
            case ("result", dict() as result):
                return Outcome(rank, time.time(), result=result)
            case ("error", known, line, text):
                known = known if isinstance(known, LeptonError) else None
                is_peer_error = known is None and seat.world > 1 and _blames_a_peer(line)
                error = known or UserCodeError(f"{where} raised {line}", text)
                is_final = not (is_peer_error or isinstance(known, JoinError))
                return Outcome(rank, time.time(), error=error, is_final=is_final, is_peer_error=is_peer_error)
            case ("exit", code) if code < 0 and waits_for.startswith("to convert"):
                why = f"The process of {where} ended with {describe_exit(code)} {waits_for}: {way_out(code)}."
                return replace(lost(why), is_final=True)
            case ("exit", code):
                return lost(f"The process of {where} ended with {describe_exit(code)}.")
        if message is not None:
            heard, stopped_since = now, 0.0
            looked, computed = now, _cpu_seconds(child.pid)
        elif _is_stopped(child.pid):
            stopped_since = stopped_since or now
            if now - stopped_since > STOPPED_SECONDS:
                return lost(f"The process of {where} is stopped (SIGSTOP, or a debugger); it was killed.")
        elif now - looked > patience:
            before, computed = computed, _cpu_seconds(child.pid)
            if computed - before > BUSY_SHARE * (now - looked) and now - heard < BUSY_SECONDS:
                looked = now
                continue
            try:
                os.kill(child.pid, signal.SIGUSR1)
                time.sleep(WATCH_SECONDS)
            except ProcessLookupError:
                pass  # it ended just now
            return lost(
                f"The process of {where} took more than {now - heard:.0f} s {waits_for}; it was killed. What it was "
                f"doing stands in the run's {log_name(seat)}."
            )
        if not is_wanted():
            return lost(f"Nobody waits for {where} any more.")


def _cpu_seconds(pid: int) -> float:
    """How long a process has computed; 0 if it has ended."""
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def _is_stopped(pid: int) -> bool:
    """Whether a process is stopped by a signal or a debugger."""
    try:
        return psutil.Process(pid).status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
    except psutil.Error:
        return False  # it has ended, and its exit is on its way


def _blames_a_peer(line: str) -> bool:
    """Whether an exception's last line is what TensorFlow's collectives say when another rank has gone."""
    return line.startswith(("UnavailableError", "AbortedError", "DeadlineExceededError", "InternalError")) or (
        "CollectiveAllReduce" in line or "coordination service" in line.lower()
    )


def release(token: str, generation: int) -> None:
    """Kill this worker's ranks of a run and let its ports go, up to a generation.

    Those of that generation or before that have not started yet are kept from it.
    """
    with _lock:
        _ended[token] = max(generation, _ended.get(token, 0))
        ports = [_ports.pop(key) for key in list(_ports) if key[1] == token and key[0] <= generation]
        ranks = [_ranks.pop(key) for key in list(_ranks) if key[1] == token and key[0] <= generation]
    for held in ports:
        held.close()
    for child in ranks:
        child.kill()
