"""What workers get that somebody else started: what our own have from their start (`_worker`, `_start.workers`)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from distributed import WorkerPlugin

from lepton_lab.cluster._load import Sampler
from lepton_lab.cluster._worker import METRIC

if TYPE_CHECKING:
    from distributed import Worker

NAME = "lepton-lab"
"""Of the plugin, of which a worker has one at most."""


class Guest(WorkerPlugin):  # type: ignore[misc]  # Dask has no types
    """Its load in every heartbeat, the resource `lepton`, and what is loaded ahead."""

    def __init__(self, preload: tuple[str, ...]) -> None:
        self._preload = preload

    async def setup(self, worker: Worker) -> None:
        """Called by Dask in each worker, also in those that come later."""
        if METRIC not in worker.metrics:
            worker.metrics[METRIC] = Sampler(None)
        if "lepton" not in worker.state.total_resources:
            await worker.set_resources(lepton=1)
        for name in self._preload:
            module = importlib.import_module(name)
            if hasattr(module, "dask_setup"):
                module.dask_setup(worker)
