"""The process that holds a worker: Dask's nanny, which starts it again when it dies, and here also says why it died.

Dask writes that into the nanny's log only. Here the scheduler is told as well, under a topic of its own, so that every
kernel knows which workers were lost and for what reason.
"""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from distributed import Nanny as _Nanny

from lepton_lab.asking import within
from lepton_lab.cluster._roll import EXITS, Exit
from lepton_lab.display import size

RETIRE_SECONDS = 3.0
"""How long a worker that leaves may take to give away the results that it has."""


class Nanny(_Nanny):  # type: ignore[misc]  # Dask has no types
    """Dask's nanny, and tells of the worker's ends.

    Parameters
    ----------
    retires
        Whether the worker gives away what it has when it is to end, so that the cluster knows that it left on purpose.
    others
        As for `distributed.Nanny`.
    """

    def __init__(self, *others, retires: bool = False, **options) -> None:  # type: ignore[no-untyped-def]
        super().__init__(*others, **options)
        self._retires = retires

    _held = -1
    """The worker's process id."""
    _kills = 0
    """How many processes the system had killed for want of memory when the worker was started."""

    async def instantiate(self):  # type: ignore[no-untyped-def]
        """See `distributed.Nanny`."""
        self._kills = _kills_for_memory()
        status = await super().instantiate()
        self._held = self.pid or -1
        return status

    async def close(self, *others, **options):  # type: ignore[no-untyped-def]
        """See `distributed.Nanny`."""
        if self._retires and self.status.name == "running" and self.worker_address:
            with suppress(Exception):  # the scheduler has gone, or can't be reached
                retired = self.scheduler.retire_workers(workers=[self.worker_address], stimulus_id="lepton-leave")
                await within(retired, RETIRE_SECONDS)
        return await super().close(*others, **options)

    async def _on_worker_exit(self, exitcode):  # type: ignore[no-untyped-def]
        if self.status.name == "running":
            exit_ = Exit(str(self.name), self._why(exitcode), time.time())
            try:
                await self._log_event(EXITS, asdict(exit_))
            except Exception:
                pass  # the scheduler has gone, or can't be reached: nobody is there to be told
        await super()._on_worker_exit(exitcode)

    def _why(self, exitcode: int) -> str:
        manager = self.memory_manager
        if manager._last_terminated_pid == self._held:
            share = 100 * manager.memory_terminate_fraction
            return f"it ran out of memory: more than {share:.0f} % of {size(manager.memory_limit)}"
        if exitcode == -signal.SIGKILL and _kills_for_memory() > self._kills:
            return "it ran out of memory: the system's was used up, and the system killed it"
        if exitcode < 0:
            return f"it was killed by {signal.Signals(-exitcode).name}"
        return f"it ended with status {exitcode}"


def _kills_for_memory(path: Path = Path("/proc/vmstat")) -> int:
    """How many processes the system has killed since its start because memory was used up, in a container or at all."""
    try:
        for line in path.read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    except (OSError, ValueError):
        pass  # not Linux
    return 0
