"""What Dask imports in each worker (`--preload`): a log of its own, and its load in every heartbeat."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from lepton_lab.cluster._load import Sampler

if TYPE_CHECKING:
    from distributed import Worker

LOGS = "LEPTON_LAB_LOGS"
"""Environment variable with the folder that takes the workers' logs."""
NVML_GPU = "LEPTON_LAB_GPU"
"""Environment variable with the UUID of the worker's GPU, where it has one."""
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
    worker.metrics[METRIC] = Sampler(os.environ.get(NVML_GPU))
