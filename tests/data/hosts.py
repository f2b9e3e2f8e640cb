"""Dask workers that look like other hosts: with addresses and folders of their own, and another view of the workspace.

A workspace below `/proc/self/cwd` is another folder in each process that has another working folder, as the same path
is on another host. So whoever doesn't start where the kernel works doesn't see its files, and needs no rights for that.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lepton_lab.cluster import Handle, attach
from lepton_lab.files import read_json
from lepton_lab.types import WorkerInfo
from tests.cluster.processes import REPOSITORY, wait_until

WORKSPACE = Path("/proc/self/cwd/workspace")
"""The workspace, as each process sees it."""


class Hosts:
    """A scheduler on loopback, and workers that come and go.

    Parameters
    ----------
    folder
        The kernel's working folder, with the workspace; other hosts' folders are made in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._workers: dict[str, subprocess.Popen[bytes]] = {}
        file = folder / "scheduler.json"
        self._scheduler = self._start(
            ["dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file), "--no-dashboard"],
            folder,
        )
        wait_until(lambda: file.exists() and file.read_text().rstrip().endswith("}"))  # it isn't written at once
        self.handle: Handle = attach(folder, "hosts", address=read_json(file)["address"])

    def _start(self, command: Sequence[str], folder: Path, before: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        folder.mkdir(exist_ok=True)
        python = [sys.executable, "-m", f"distributed.cli.{command[0]}", *command[1:]]
        log = (folder / f"{command[0]}.log").open("wb")
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        return subprocess.Popen([*before, *python], cwd=folder, env=environment, stdout=log, stderr=log)

    def start(self, *names: str, sees: bool = False, host: int | None = None, before: Sequence[str] = ()) -> None:
        """Start workers, each on a host of its own.

        Parameters
        ----------
        sees
            Whether they see the kernel's workspace.
        host
            The number of one host for all of them.
        before
            A command line to start them with.
        """
        for name in names:
            number = host if host is not None else 2 + int(name[1:])
            local = self.folder / f"host{number}"
            local.mkdir(exist_ok=True)
            options = [
                "--host",
                f"127.0.0.{number}",
                "--name",
                name,
                "--nthreads",
                "1",
                "--local-directory",
                str(local),
            ]
            self._workers[name] = self._start(
                ["dask_worker", self.handle.client.scheduler.address, *options, "--no-nanny", "--no-dashboard"],
                self.folder if sees else local,
                before,
            )
        wait_until(lambda: set(names) <= {worker.name for worker in self.present()}, 40)

    def present(self) -> tuple[WorkerInfo, ...]:
        """The workers that there are."""
        return self.handle.workers()

    def store(self, number: int) -> Path:
        """A host's store."""
        return self.folder / f"host{number}" / "dask-scratch-space" / "lepton-shards"

    def stop(self, *names: str, number: signal.Signals = signal.SIGKILL) -> None:
        """End workers without warning, and wait until the scheduler knows; or send them another signal."""
        for name in names:
            self._workers[name].send_signal(number)
        if number == signal.SIGKILL:
            for name in names:
                self._workers.pop(name).wait()
            wait_until(lambda: not set(names) & {worker.name for worker in self.present()})

    def restart(self) -> None:
        """Be without workers and copies again."""
        self.stop(*self._workers)

    def close(self) -> None:
        """End everything."""
        self.handle.close()
        for process in (*self._workers.values(), self._scheduler):
            process.kill()
            process.wait()
