"""What Dask imports in each worker (`--preload`): a log of its own, and its load in every heartbeat."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from lepton_lab.cluster._affinity import stay_near
from lepton_lab.cluster._load import Sampler
from lepton_lab.cluster.devices import OwnDevice

if TYPE_CHECKING:
    from distributed import Worker

LOGS = "LEPTON_LAB_LOGS"
"""Environment variable with the folder that takes the workers' logs."""
METRIC = "lepton"
"""Under which the load travels in Dask's metrics of a worker."""


def dask_setup(worker: Worker) -> None:
    """Called by Dask in each worker, before it meets the scheduler."""
    logs = os.environ.get(LOGS)
    if logs:
        # On the descriptors rather than in `logging`: what a task prints, and what a crash in C prints, belong there.
        log = os.open(Path(logs) / f"{worker.name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
    own = OwnDevice.told(os.environ)
    if own is not None:
        stay_near(own)
    worker.metrics[METRIC] = Sampler(own)
