"""Starting, recognising and ending processes of the cluster.

A process is known by its id and its start time together, because ids are used again. Each is the leader of a session of
its own, so that what it forks (workers under a nanny) can be ended with it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from lepton_lab.cluster import _lifeline

_PAUSE = 0.02
_REAP_SECONDS = 1.0

_children: dict[int, subprocess.Popen[bytes]] = {}
_write_ends: dict[int, int] = {}


@dataclass(frozen=True)
class Process:
    """A process that was started, and when."""

    pid: int
    started: float
    """Clock ticks since the machine's start (Linux), or seconds since the epoch: only ever compared."""

    def is_alive(self) -> bool:
        """Whether it still runs; a reaped or unreaped dead one doesn't, nor does another with its id."""
        child = _children.get(self.pid)
        if child is not None and child.poll() is not None:
            _forget(self.pid)
        return start_of(self.pid) == self.started


def start_of(pid: int) -> float | None:
    """When the process with this id started; None if there is none, or only a dead one that nobody has reaped."""
    if sys.platform == "linux":
        try:
            # The name, in parentheses, may hold blanks. Not psutil: its start times move when the clock is set.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else float(fields[19])
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(round(process.create_time()))
    except psutil.NoSuchProcess:
        return None


def start(command: Sequence[str], log: Path, environment: Mapping[str, str], detach: bool) -> Process:
    """Start a Python module's command line in a session of its own, tied to this process's life unless detached."""
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry), **environment}
    read_end = os.open(os.devnull, os.O_RDONLY)
    write_end = None
    if not detach:
        os.close(read_end)
        read_end, write_end = os.pipe()  # not inherited by what else this process starts
        variables[_lifeline.VARIABLE] = str(os.getpid())
    try:
        with log.open("ab") as output:
            child = subprocess.Popen(
                [sys.executable, "-m", *command],
                stdin=read_end,
                stdout=output,
                stderr=output,
                env=variables,
                start_new_session=True,
            )
    except BaseException:
        if write_end is not None:
            os.close(write_end)
        raise
    finally:
        os.close(read_end)
    _children[child.pid] = child
    if write_end is not None:
        _write_ends[child.pid] = write_end
    started = start_of(child.pid)
    return Process(child.pid, -1.0 if started is None else started)


def end(processes: Iterable[Process], patience: float) -> None:
    """End these processes and all of their sessions: asked to (SIGTERM), then after `patience` seconds SIGKILL.

    The last that was started is asked first, since workers end at once while their scheduler lives to hear of it.
    """
    wanted = list(processes)
    if patience > 0:
        deadline = time.monotonic() + patience
        for process in reversed(wanted):
            if process.is_alive():
                signal_process(process.pid, signal.SIGTERM)
            while time.monotonic() < deadline and _members(process):
                time.sleep(_PAUSE)
    deadline = time.monotonic() + 5.0
    while time.monotonic() < deadline and (left := [pid for process in wanted for pid in _members(process)]):
        for pid in left:
            signal_process(pid, signal.SIGKILL)
        time.sleep(_PAUSE)
    for process in wanted:
        if (child := _children.get(process.pid)) is not None:
            with suppress(subprocess.TimeoutExpired):
                child.wait(_REAP_SECONDS)  # dead by what /proc says, but its last threads may still be ending
        _forget(process.pid)


@contextmanager
def deferring_interrupts() -> Iterator[None]:
    """Hold an interrupt (SIGINT) back until the block ends, so that no process is started and then not known."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is ever interrupted
        return
    came: list[FrameType | None] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: came.append(frame))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came and callable(before):
            before(signal.SIGINT, came[0])


def signal_process(pid: int, number: int) -> None:
    """Send a signal, if the process is still there."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _members(process: Process) -> list[int]:
    """Ids of the living processes in the session that `process` leads or led."""
    leader = start_of(process.pid)
    if leader is not None and leader != process.started:
        return []  # the id is another's now, which it can't be while our session lives
    process.is_alive()  # reaps it, if it is our child
    found = []
    for pid in _all_pids():
        try:
            if os.getsid(pid) == process.pid and start_of(pid) is not None:
                found.append(pid)
        except (ProcessLookupError, PermissionError):
            pass
    return found


def _all_pids() -> list[int]:
    if sys.platform == "linux":
        return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    import psutil

    return list(psutil.pids())


def _forget(pid: int) -> None:
    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        del _children[pid]
    write_end = _write_ends.pop(pid, None)
    if write_end is not None:
        os.close(write_end)


def _close_in_fork() -> None:
    """A forked copy of the kernel must not keep the cluster alive, nor believe that it owns it."""
    for write_end in _write_ends.values():
        os.close(write_end)
    _write_ends.clear()
    _children.clear()


os.register_at_fork(after_in_child=_close_in_fork)
