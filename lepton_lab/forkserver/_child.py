"""A child's process: run one function, talk to its owner, end.

Messages to the owner are tuples: `("pid", pid)` first, then any number of `("event", event)` and whatever the function
itself sends over its `channel`, then `("result", value)` or `("error", exception or None, summary, traceback text)`,
where the exception is a LeptonError or one of Python's own OSErrors; the server adds `("exit", code)`. A process that
can't be set up says the error at once. A child that was started afresh runs this module as a program, with its
connection's descriptor as the argument.
"""

from __future__ import annotations

import ctypes
import importlib
import inspect
import os
import pickle
import re
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from lepton_lab.errors import LeptonError
from lepton_lab.forkserver import _address
from lepton_lab.forkserver._devices import hide_devices

KERAS_VARIABLES = {"TF_USE_LEGACY_KERAS": "1", "KERAS_BACKEND": "tensorflow"}
"""What a child goes by, whatever its owner does: `tf.keras` is tf_keras, and Keras 3 beside it uses TensorFlow."""

_PR_SET_PDEATHSIG = 1


class Channel:
    """A child's line to its owner, safe to send on from several threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def send(self, *message: Any) -> None:
        """Send a tuple; if the owner has gone, end the process, since nobody waits for it."""
        try:
            with self._lock:
                self._connection.send(message)
        except OSError:
            os._exit(71)

    def receive(self) -> Any:
        """Wait for the owner's next message; ends the process if the owner has gone."""
        try:
            return self._connection.recv()
        except (EOFError, OSError):
            os._exit(71)

    def poll(self) -> bool:
        """Whether a message of the owner waits."""
        return self._connection.poll(0)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when `parent` ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(71)


def begin(connection: Connection, request: dict[str, Any], parent: int) -> None:
    """Set the forked process up as `request` says, and run; never returns.

    What goes wrong in the set-up is the owner's to hear, in place of the process id.
    """
    try:
        set_up(connection, request, parent)
    except BaseException as error:
        Channel(connection).send("error", None, summary(error), traceback.format_exc())
        os._exit(70)
    run(connection)


def set_up(connection: Connection, request: dict[str, Any], parent: int) -> None:
    """Give the process its folder, log and environment; a spawned one becomes another program here."""
    die_with(parent)
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    os.setpgid(0, 0)
    os.chdir(request["folder"])
    log = os.open(request["log"] or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    environment = {str(key): str(value) for key, value in request["environment"].items()}
    # Both Kerases compute by TensorFlow here, whatever the owner or whoever started the server have for theirs.
    environment |= KERAS_VARIABLES
    if request["spawn"]:
        os.set_inheritable(connection.fileno(), True)
        command = [sys.executable, "-m", __name__, str(connection.fileno())]
        modules = os.pathsep.join(entry for entry in request["path"] if entry)
        # The owner's word goes before the server's own environment, which is that of whoever started the server.
        variables = {**os.environ, "PYTHONPATH": modules, **environment}
        os.execve(sys.executable, command, variables)
    os.environ.update(environment)
    # A parent that has loaded TensorFlow's CUDA libraries must not share them: forked children compute on the CPU.
    hide_devices()
    sys.path[:] = request["path"]


def run(connection: Connection) -> None:
    """Receive the function and its arguments, run it, and report how it ended; never returns."""
    channel = Channel(connection)
    channel.send("pid", os.getpid())
    code = 0
    try:
        _address.use_scratch()
        name, payload = channel.receive()
        kwargs = pickle.loads(payload)  # noqa: S301  # from this user's own process, see the package's docstring
        function = resolve(name)
        accepted = inspect.signature(function).parameters
        if "report" in accepted:
            kwargs["report"] = lambda event: channel.send("event", event)
        if "channel" in accepted:
            kwargs["channel"] = channel
        channel.send("result", function(**kwargs))
    except BaseException as error:
        code = 1
        is_known = isinstance(error, LeptonError) or (
            isinstance(error, OSError) and type(error).__module__ == "builtins"
        )
        channel.send("error", error if is_known else None, summary(error), traceback.format_exc())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # skips TensorFlow's own teardown, which can wait for peers


def summary(error: BaseException) -> str:
    """An exception in one line: its type and what it says."""
    name, said = type(error).__name__, essence(error).partition("\n")[0]
    if not said:
        return name
    return said if said.startswith(f"{name}:") else f"{name}: {said}"


def essence(error: BaseException) -> str:
    """What an exception says, its lines stripped, without the stories that TensorFlow and Keras tell around it.

    TensorFlow puts all of a graph's code, or the places in the user's code, before what happened; Keras 3 has which
    call failed before it, and all arguments of that call behind it.
    """
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    if text.lstrip().startswith("in user code:"):
        text = re.split(r'\n *File "[^\n]*\n[^\n]*', text)[-1]
        text = re.sub(r"\A\s*\w+(Error|Exception): ", "", text)
    text = re.split(r"\n\s*(?:Call arguments|Arguments) received by ", text)[0]
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith(("[[", "[Op:", "Node:"))]
    if lines and lines[0].startswith("Exception encountered when calling "):
        lines = lines[1:] or lines
    return "\n".join(lines[-1:] if lines and lines[0].startswith("Graph execution error") else lines)


def resolve(name: str) -> Callable[..., Any]:
    """The function or class that `"package.module:name"` stands for."""
    module, _, attribute = name.partition(":")
    value: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return value


if __name__ == "__main__":
    die_with(os.getppid())
    run(Connection(int(sys.argv[1])))
