"""The client's side: find or start the server, hold a lease, ask for children."""

from __future__ import annotations

import fcntl
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from lepton_lab.errors import LeptonError, LibraryError
from lepton_lab.events import Progress, Report, ignore
from lepton_lab.forkserver import _address
from lepton_lab.types import Model

START_SECONDS = 120.0
"""How long the server may take to start a child: the time to import TensorFlow on a slow, busy machine."""

SET_UP_SECONDS = 10.0
"""How long it may take for that once it is there, in which it does next to nothing."""

ANSWER_SECONDS = 0.1
"""How long to wait for a lease's acknowledgement; a server that still imports TensorFlow answers later."""

_lock = threading.Lock()
_lease_lock = threading.Lock()
"""Not the same: whoever only counts the children must not wait for a server that starts."""
_lease: Connection | None = None
_children: set[int] = set()


def children() -> tuple[int, ...]:
    """Process ids of the children that this process asked for and that still run."""
    with _lock:
        return tuple(_children)


def hold(delay: float = 0.0) -> None:
    """Start the server if need be and keep it alive as long as this process lives.

    The server has said that it is held when this returns, unless it is still importing TensorFlow; then it can't end
    either. If the server has died since the last call, another one is started.

    Parameters
    ----------
    delay
        Seconds to wait first, in a thread, so that a starting worker isn't slowed down by the import of TensorFlow.
    """
    if delay:
        timer = threading.Timer(delay, hold)
        timer.daemon = True
        timer.start()
        return
    global _lease
    with _lease_lock:
        if _lease is not None and not _is_open(_lease):
            _lease.close()
            _lease = None
        if _lease is None:
            _lease = _take_lease()


def _take_lease() -> Connection:
    for _ in range(2):
        connection = _connect()
        try:
            connection.send_bytes(json.dumps({"want": "lease"}).encode())
            if connection.poll(ANSWER_SECONDS):
                connection.recv()
            return connection
        except (EOFError, OSError):  # the server ended just now; the next one will do
            connection.close()
    raise LeptonError(f"TensorFlow's process ended at its start: see {_address.log_path()}")


def _is_open(lease: Connection) -> bool:
    """Whether the server is still at the other end; reads the acknowledgement if it came late."""
    try:
        while lease.poll(0):
            lease.recv()
    except (EOFError, OSError):
        return False
    return True


def _forget_lease() -> None:
    """A forked copy of this process holds no lease of its own, and owns no children."""
    global _lease, _lock, _lease_lock
    _lock, _lease_lock = threading.Lock(), threading.Lock()  # another thread may have held them
    if _lease is not None:
        _lease.close()
    _lease = None
    _children.clear()


os.register_at_fork(after_in_child=_forget_lease)


class Child:
    """A process forked from the server, and the line to it.

    Parameters
    ----------
    function
        `"package.module:name"` of a module-level function. A parameter named `report` gets what sends events back; one
        named `channel` gets the `Channel` to its owner.
    kwargs
        Its other arguments; pickled.
    environment
        Added to the child's environment before it starts.
    log
        File that takes what the child prints, appended; None drops it.
    spawn
        Start a fresh interpreter instead of forking: needed where the child computes on a GPU.
    stays
        Whether it goes on when its owner closes the line or ends; then `kill` doesn't reach it.

    Raises
    ------
    LeptonError
        If the process could not be started, or not set up: a folder or the log's folder is missing.
    """

    def __init__(
        self,
        function: str,
        kwargs: Mapping[str, Any],
        *,
        environment: Mapping[str, str] | None = None,
        log: Path | None = None,
        spawn: bool = False,
        stays: bool = False,
    ) -> None:
        payload = pickle.dumps(dict(kwargs))
        self._line_lock = threading.Lock()
        """Held while the line is cut or closed, since a closed descriptor's number is soon another's."""
        request = {
            "want": "child",
            "spawn": spawn,
            "stays": stays,
            "environment": dict(environment or {}),
            "folder": _working_folder(),
            "log": str(log.absolute()) if log else None,
            "path": sys.path,
        }
        for attempt in (1, 2):
            self._connection = _connect()
            try:
                self._connection.send_bytes(json.dumps(request).encode())
                self.pid = self._first_word(function)
                break
            except (EOFError, OSError):  # the server ended just now; the next one will do
                self._connection.close()
                if attempt == 2:
                    raise LeptonError(f"TensorFlow's process ended at its start: see {_address.log_path()}") from None
            except BaseException:
                self._connection.close()
                raise
        if not stays:
            with _lock:
                _children.add(self.pid)
        self.send(function, payload)

    def _first_word(self, function: str) -> int:
        """The child's process id, which it says once it is set up; the server's word that it forks comes before."""
        if not self._connection.poll(START_SECONDS):
            raise LeptonError(f"TensorFlow did not load within {START_SECONDS:.0f} s: see {_address.log_path()}")
        word = self._connection.recv()
        if word == ("forking",):
            if not self._connection.poll(SET_UP_SECONDS):
                raise LeptonError(f"The process for {function} gave no sign of life for {SET_UP_SECONDS:.0f} s.")
            word = self._connection.recv()
        match word:
            case ("pid", int(pid)):
                return pid
            case ("error", _, str(line), *_):
                reason = line
            case ("exit", int(code)):
                reason = f"it ended with {describe_exit(code)}"
            case other:
                reason = f"its first word was {other!r}"
        raise LeptonError(f"The process for {function} could not be set up: {reason}.")

    def send(self, *message: Any) -> None:
        """Send a tuple to the child; nothing happens if it has ended."""
        try:
            self._connection.send(message)
        except OSError:
            pass

    def receive(self, timeout: float | None = None) -> tuple[Any, ...] | None:
        """The child's next message, or None if none came within `timeout` seconds; the last one is `("exit", code)`."""
        if not self._connection.poll(timeout):
            return None
        try:
            message: tuple[Any, ...] = self._connection.recv()
        except (EOFError, OSError):
            message = ("exit", -signal.SIGKILL)
        if message[0] == "exit":
            self.close()
        return message

    def kill(self) -> None:
        """End the child now; whoever waits in `receive` gets `("exit", code)`.

        The line is cut and the server kills the child: unlike a signal to its number this can't hit another process.
        """
        with _lock:
            _children.discard(self.pid)
        with self._line_lock:
            if not self._connection.closed:
                line = socket.socket(fileno=os.dup(self._connection.fileno()))
                try:
                    line.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # cut already
                line.close()

    def close(self) -> None:
        """Let go of the child: it is killed if it still runs."""
        with _lock:
            _children.discard(self.pid)
        with self._line_lock:
            self._connection.close()


def _working_folder() -> str:
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        raise LeptonError(
            "The working folder of this process has been removed: change to one that is there (%cd in a notebook)."
        ) from None


def call(
    function: str,
    kwargs: Mapping[str, Any],
    *,
    report: Report = ignore,
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
    timeout: float | None = None,
) -> Any:
    """Run a function in a process that has TensorFlow, and return its value.

    Parameters
    ----------
    timeout
        Seconds after which the process is ended; None waits as long as it takes.

    Raises
    ------
    LeptonError
        As the function raised it; or if it took too long, or a signal ended its process: the message has what it was
        at, by its last `Progress`.
    LibraryError
        If the function raised anything else; it has the traceback, and an OSError as its cause.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    model, step = next((f" of {one.name!r}" for one in kwargs.values() if isinstance(one, Model)), ""), ""
    words = function.rpartition(":")[2].replace("_", " ").strip()
    child = Child(function, kwargs, environment=environment, log=log)
    try:
        while True:
            message = child.receive(None if deadline is None else max(deadline - time.monotonic(), 0.0))
            if message is None:
                if deadline is None or time.monotonic() < deadline:
                    continue
                raise LeptonError(f"Ended after {timeout:g} s without a result, at this step: {step or function}.")
            match message:
                case ("event", event):
                    step = event.message if isinstance(event, Progress) else step
                    report(event)
                case ("result", value):
                    return value
                case ("error", LeptonError() as error, *_):
                    raise error
                case ("error", cause, line, text):
                    what = f"{words}{model}" + (f" ({step})" if step else "")
                    raise LibraryError(f"{what[0].upper()}{what[1:]} failed: {line}", text) from cause
                case ("exit", code):
                    what = f"{words}{model}" + (f" ({step})" if step else "")
                    raise LeptonError(f"The process for {what} ended with {describe_exit(code)}: {way_out(code)}.")
    finally:
        child.close()


def describe_exit(code: int) -> str:
    """An exit code in words: `"signal SIGKILL (was the memory used up?)"`."""
    if code >= 0:
        return f"exit code {code}"
    name = signal.Signals(-code).name
    return f"signal {name} (was the memory used up?)" if -code == signal.SIGKILL else f"signal {name}"


def way_out(code: int) -> str:
    """What to try when a process has ended with such a code."""
    if code == -signal.SIGKILL:
        return "end what else takes memory here, or take a smaller model or fewer rows at a time"
    if -code in (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL):
        return (
            "a library that it called crashed on this, and would again; try another scheme, technique or format, or a "
            "model without its most unusual layer"
        )
    return "try again"


def _connect() -> Connection:
    """A connection to the server, which is started if there is none."""
    connection = _try_connect()
    if connection is not None:
        return connection
    with _address.lock_path().open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        connection = _try_connect()  # somebody else may have started it meanwhile
        if connection is not None:
            return connection
        process = _start_server()
        deadline = time.monotonic() + 30.0
        while time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
            connection = _try_connect()
            if connection is not None:
                return connection
    raise LeptonError(f"TensorFlow's process did not start: see {_address.log_path()}")


def _start_server() -> subprocess.Popen[bytes]:
    # It may outlive the cluster whose worker starts it, so it takes nothing from there: neither variables nor folders.
    paths = [entry for entry in sys.path if entry and "dask-scratch-space" not in entry]
    variables = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("LEPTON_LAB_") and name != "DASK_TEMPORARY_DIRECTORY"
    }
    with _address.log_path().open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "lepton_lab.forkserver._server"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
            env={**variables, "PYTHONPATH": os.pathsep.join(paths)},
        )


def _try_connect() -> Connection | None:
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        stream.connect(str(_address.socket_path()))
    except OSError:
        stream.close()
        return None
    return Connection(stream.detach())
