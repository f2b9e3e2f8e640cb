"""Looking at a cluster's processes from outside, and kernels that can be killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).parents[2]


def processes_of(folder: Path) -> list[psutil.Process]:
    """Every living process whose command line or environment names this cluster's folder."""
    found = []
    for process in psutil.process_iter():
        try:
            text = " ".join(process.cmdline()) + " ".join(process.environ().values())
            if process.pid != os.getpid() and str(folder) in text and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            pass
    return found


def wait_until(condition: Callable[[], object], seconds: float = 15.0) -> float:
    """Wait for something to be so; gives the seconds that it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "it did not happen in time"
        time.sleep(0.02)
    return time.monotonic() - began


def expect_none_of(folder: Path, seconds: float = 15.0) -> None:
    """Wait until a cluster has no process any more; says which are left if it has."""
    deadline = time.monotonic() + seconds
    while left := processes_of(folder):
        assert time.monotonic() < deadline, [process.as_dict(["pid", "ppid", "status", "cmdline"]) for process in left]
        time.sleep(0.02)


class Kernel:
    """Another Python process that runs code with `folder` and the package's functions at hand, as a kernel would.

    It ends by itself after `code` only when it is told to.
    """

    def __init__(self, folder: Path, code: str) -> None:
        lines = [
            "import sys, time, os, signal",
            "from pathlib import Path",
            "from lepton_lab.cluster import up, attach, find",
            f"folder = Path({str(folder)!r})",
            code,
            "print('ready', flush=True)",
            "sys.stdin.readline()",
        ]
        self.process = subprocess.Popen(
            [sys.executable, "-c", "\n".join(lines)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )

    def wait_ready(self) -> list[str]:
        """The lines that the code printed, once it is done."""
        assert self.process.stdout is not None
        lines: list[str] = []
        for line in self.process.stdout:
            if line.strip() == "ready":
                return lines
            lines.append(line.strip())
        raise AssertionError(f"the kernel ended: {lines} {self.errors()}")

    def errors(self) -> str:
        """What it wrote to its standard error, once it has ended."""
        assert self.process.stderr is not None
        return self.process.stderr.read()

    def leave(self) -> str:
        """Let it end by itself; gives what it wrote to its standard error."""
        self.process.stdin.write("\n")  # type: ignore[union-attr]  # it is a pipe
        self.process.stdin.flush()  # type: ignore[union-attr]  # it is a pipe
        self.process.wait(20)
        return self.errors()

    def kill(self) -> None:
        """End it as the operating system would: without warning."""
        self.process.kill()
        self.process.wait()
