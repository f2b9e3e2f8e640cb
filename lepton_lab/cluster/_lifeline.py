"""Ends a process of the cluster when the kernel that started it is gone, however it went.

Nobody can run code on SIGKILL, so the kernel can't be the one that cleans up. Instead each process of the cluster has
as its standard input a pipe whose other end only the kernel holds. When the kernel ends, the operating system closes
that end, the read here returns, and the process kills its whole group: itself, and the workers under a nanny. A copy of
the pipe's end in a stray child of the kernel would delay that, so the parent's process id is watched too.

Dask imports this module in scheduler and nannies (`--preload`). It does nothing unless it is told the kernel's process
id, which a detached cluster isn't.
"""

from __future__ import annotations

import os
import select
import signal
import threading

VARIABLE = "LEPTON_LAB_LIFELINE"
"""Environment variable that holds the kernel's process id."""


def _watch(kernel: int) -> None:
    while os.getppid() == kernel:
        ready, _, _ = select.select([0], [], [], 1.0)
        if ready and not os.read(0, 1):
            break
    os.killpg(0, signal.SIGKILL)


# At import, since a process must not outlive the kernel even while it is still starting.
if os.environ.get(VARIABLE):
    threading.Thread(target=_watch, args=(int(os.environ.pop(VARIABLE)),), name="lifeline", daemon=True).start()
