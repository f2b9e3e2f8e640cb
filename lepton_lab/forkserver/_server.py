"""The server's process: `python -m lepton_lab.forkserver._server`, started by the first client.

It has one thread and one loop. A new connection's first line is JSON: `{"want": "lease"}`, which is answered by
`("leased",)`, or `{"want": "child", ...}` with the child's environment, working folder, log file, and whether to start
it afresh (`"spawn"`, where there is a GPU) instead of forking it, and whether it outlives its owner (`"stays"`). The
server keeps its copy of each connection only to see that the other end has gone."""

from __future__ import annotations

import fcntl
import gc
import json
import os
import select
import shutil
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from lepton_lab.forkserver import _address, _child

GRACE = 3.0
"""Seconds without lease and child after which the server ends."""
_GONE = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR


def load_tensorflow() -> None:
    """Import what the children need, without touching a device."""
    os.environ.update(_child.KERAS_VARIABLES)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import distributed  # noqa: F401  # loaded for the children
    import tensorflow  # noqa: F401
    import tf_keras  # noqa: F401

    gc.collect()
    gc.freeze()  # keeps the collector from writing to pages that the children share


@dataclass
class Server:
    """Leases, children and the loop that looks after them."""

    listener: socket.socket
    poll: select.poll = field(default_factory=select.poll)
    leases: dict[int, Connection] = field(default_factory=dict)
    """By file descriptor."""
    owners: dict[int, tuple[int, Connection]] = field(default_factory=dict)
    """By file descriptor: a child's process id and our copy of its owner's connection."""
    idle_since: float = field(default_factory=time.monotonic)

    def serve(self) -> None:
        """Loop until nobody needs the server."""
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        os.set_blocking(wake_read, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.poll.register(self.listener, select.POLLIN)
        self.poll.register(wake_read, select.POLLIN)
        while True:
            for descriptor, _ in self.poll.poll(1000):
                if descriptor == self.listener.fileno():
                    self.accept()
                elif descriptor == wake_read:
                    os.read(wake_read, 4096)
                elif descriptor in self.leases:
                    self.drop_lease(descriptor)
                elif descriptor in self.owners:
                    os.kill(self.owners[descriptor][0], signal.SIGKILL)
                    self.poll.unregister(descriptor)  # `reap` closes it
            self.reap()
            if self.leases or self.owners:
                self.idle_since = time.monotonic()
            elif time.monotonic() - self.idle_since > GRACE and self.may_end():
                return

    def accept(self) -> None:
        """Take one connection and do what its first line wants."""
        stream, _ = self.listener.accept()
        connection = Connection(stream.detach())
        try:
            request: dict[str, Any] = json.loads(connection.recv_bytes(1 << 20))
            if request["want"] == "lease":
                connection.send(("leased",))
                self.leases[connection.fileno()] = connection
                self.poll.register(connection.fileno(), _GONE)
            else:
                self.fork(connection, request)
        except (OSError, EOFError, ValueError, KeyError):
            connection.close()

    def fork(self, connection: Connection, request: dict[str, Any]) -> None:
        """Start a child that owns `connection`."""
        connection.send(("forking",))  # an owner that waits for a server knows that it is there
        pid = os.fork()
        if pid == 0:
            try:
                signal.set_wakeup_fd(-1)
                self.listener.close()
                for other in [*self.leases.values(), *(copy for _, copy in self.owners.values())]:
                    other.close()
                _child.begin(connection, request, parent=os.getppid())
            finally:
                os._exit(70)
        self.owners[connection.fileno()] = (pid, connection)
        if not request["stays"]:
            self.poll.register(connection.fileno(), _GONE)

    def drop_lease(self, descriptor: int) -> None:
        """Forget a lease whose holder has gone."""
        self.poll.unregister(descriptor)
        self.leases.pop(descriptor).close()

    def reap(self) -> None:
        """Collect children that have ended, and tell each one's owner how."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            shutil.rmtree(_address.scratch_path(pid), ignore_errors=True)
            for descriptor, (owned, connection) in list(self.owners.items()):
                if owned == pid:
                    del self.owners[descriptor]
                    try:
                        connection.send(("exit", os.waitstatus_to_exitcode(status)))
                    except OSError:
                        pass  # the owner has gone already
                    try:
                        self.poll.unregister(descriptor)
                    except KeyError:
                        pass  # was unregistered when its owner went
                    connection.close()

    def may_end(self) -> bool:
        """Whether to end now: under the lock, and with nobody at the door."""
        with _address.lock_path().open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if select.select([self.listener], [], [], 0)[0]:
                return False
            _address.socket_path().unlink(missing_ok=True)
            self.listener.close()
            return True


def main() -> int:
    """Listen first, so that clients can wait in line, then load TensorFlow and serve."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    path = _address.socket_path()
    path.unlink(missing_ok=True)
    listener.bind(str(path))
    listener.listen(128)
    for left in _address.folder().glob("scratch-*"):
        shutil.rmtree(left, ignore_errors=True)
    load_tensorflow()
    Server(listener).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
