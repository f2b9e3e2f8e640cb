"""Two "hosts" on one machine: network namespaces with a cable between them, which can be pulled."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE
from typing import Any

REPOSITORY = Path(__file__).parents[2]
ADDRESSES = ("10.77.0.1", "10.77.0.2")
BESIDE = "10.77.0.3"
"""Of a third host, beside host 0: no cable is between the two."""


def why_not() -> str:
    """Why this machine can't have them; empty if it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "network namespaces need root on Linux"
    if shutil.which("ip") is None:
        return "network namespaces need iproute2 (apt-get install iproute2)"
    name = f"lt{os.getpid()}x"
    if (made := _ip("netns", "add", name, check=False)).returncode != 0:
        return f"this machine lets nobody make network namespaces: {made.stderr.strip()}"
    _ip("netns", "del", name)
    return ""


class Program:
    """Python on a host, whose lines are heard as they come."""

    def __init__(self, command: list[str], temporary: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1", "TMPDIR": str(temporary)}
        self.process = subprocess.Popen(
            command, stdin=PIPE, stdout=PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )
        self.lines: list[str] = []
        self._heard = 0
        self._answered = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.strip())

    def expect(self, beginning: str, seconds: float = 45.0) -> float:
        """Wait for a line that begins so, after those that were expected before; gives the seconds that it took."""
        return self.hear(beginning, seconds)[1]

    def hear(self, beginning: str, seconds: float = 45.0) -> tuple[str, float]:
        """The same; gives what the line goes on with as well."""
        began = time.monotonic()
        while True:
            for number in range(self._heard, len(self.lines)):
                if self.lines[number].startswith(beginning):
                    self._heard = number + 1
                    return self.lines[number].removeprefix(beginning).strip(), time.monotonic() - began
            assert time.monotonic() - began < seconds, f"no {beginning!r} came after line {self._heard} of {self.lines}"
            time.sleep(0.02)

    def answer(self, seconds: float) -> str:
        """What the next line says that begins with `answer`, whatever was heard before or after it."""
        deadline = time.monotonic() + seconds
        while True:
            for number in range(self._answered, len(self.lines)):
                if self.lines[number].startswith("answer"):
                    self._answered = number + 1
                    self._heard = max(self._heard, self._answered)
                    return self.lines[number].removeprefix("answer").strip()
            assert time.monotonic() < deadline, f"no answer came after line {self._answered} of {self.lines}"
            time.sleep(0.02)

    def say(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self.process.stdin is not None
        print(line, file=self.process.stdin, flush=True)

    def end(self) -> None:
        """Close its standard input, and wait until it has ended well."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(30) == 0, self.lines


class Hosts:
    """Hosts 0 and 1, with `ADDRESSES`; host 0 has the address `BESIDE` as well.

    Parameters
    ----------
    folder
        For their temporary files.
    """

    def __init__(self, folder: Path) -> None:
        self.names = [f"lt{os.getpid()}{letter}" for letter in "ab"]
        self._folder = folder

    def start(self, host: int, *arguments: str, hides: Path | None = None) -> Program:
        """Run Python on a host, with a temporary folder of its own.

        Parameters
        ----------
        hides
            A folder that is empty there, as if the host had other disks. (`ip netns exec` gives what it runs a mount
            namespace of its own.)
        """
        hide = ["sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(hides)] if hides is not None else []
        temporary = Path(tempfile.mkdtemp(dir=self._folder))  # in which a host's processes find each other
        return Program(["ip", "netns", "exec", self.names[host], *hide, sys.executable, *arguments], temporary)

    def pull(self) -> None:
        """Pull the cable: nothing arrives any more, and nobody is told."""
        _ip("-n", self.names[1], "link", "set", "eth", "down")

    def plug(self) -> None:
        """Put it in again."""
        _ip("-n", self.names[1], "link", "set", "eth", "up")


@contextmanager
def two_hosts() -> Iterator[Hosts]:
    """Two hosts with a cable between them."""
    folder = Path(tempfile.mkdtemp(prefix="hosts"))
    hosts = Hosts(folder)
    try:
        for name in hosts.names:
            _ip("netns", "add", name)
        ends = [("name", "eth", "netns", name) for name in hosts.names]
        _ip("link", "add", *ends[0], "type", "veth", "peer", *ends[1])
        for name, address in (*zip(hosts.names, ADDRESSES, strict=True), (hosts.names[0], BESIDE)):
            _ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth")
            for device in ("lo", "eth"):
                _ip("-n", name, "link", "set", device, "up")
        yield hosts
    finally:
        for name in hosts.names:
            _ip("netns", "del", name, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _ip(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[Any]:
    return subprocess.run(["ip", *arguments], capture_output=True, text=True, check=check)
