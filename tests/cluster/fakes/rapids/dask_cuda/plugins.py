from __future__ import annotations

import os
from collections.abc import Collection


class CPUAffinity:
    """As dask-cuda 26.10 has it, without its catching of errors."""

    def __init__(self, cores: Collection[int]) -> None:
        self.cores = cores

    def setup(self, worker: object = None) -> None:
        os.sched_setaffinity(0, self.cores)
