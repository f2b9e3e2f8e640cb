from __future__ import annotations

import os


def get_cpu_affinity(device_index: int | str | None = None) -> list[int]:
    """The first core that may be used, and one that this machine doesn't have; a slice's can't be told."""
    if str(device_index).startswith("MIG-"):
        # dask-cuda's own warning has a "%d" for the UUID, so this is what comes out of it
        raise TypeError("%d format: a real number is required, not str")
    return [min(os.sched_getaffinity(0)), 4096]
