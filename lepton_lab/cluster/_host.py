"""What this machine, or this process's container, allows: cores and memory. Nothing is probed at import."""

from __future__ import annotations

import os

from lepton_lab.cluster import _cgroup


def num_cores() -> int:
    """Cores that may be used: the affinity mask, and the CPU quota of the control groups, rounded."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, round(min(cores, _cgroup.limits().cores)))


def memory_bytes() -> int:
    """Memory that may be used: the machine's, or the control groups' limit where that is less."""
    import psutil

    return int(min(psutil.virtual_memory().total, _cgroup.limits().memory))
