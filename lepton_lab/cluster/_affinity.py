"""A GPU's worker stays on the cores that its GPU is connected to, where dask-cuda is installed (`lepton-lab[gpu]`).

Of dask-cuda this is what a worker gains that doesn't use RAPIDS. Its own worker class starts nannies of its own, named
and counted by itself, and imports CUDA there; so the workers are Dask's, and take dask-cuda's plugin when they begin.
"""

from __future__ import annotations

import logging
import os
from importlib.util import find_spec

from lepton_lab.cluster.devices import OwnDevice
from lepton_lab.cluster.devices._members import NVIDIA

log = logging.getLogger(__name__)


def stay_near(own: OwnDevice) -> None:
    """Keep this thread, and those that it starts, on the cores near an NVIDIA GPU; never on more than now."""
    if own.found is None or own.source != NVIDIA or find_spec("dask_cuda") is None:
        return
    try:
        from dask_cuda.plugins import CPUAffinity
        from dask_cuda.utils import get_cpu_affinity

        near = set(get_cpu_affinity(own.found.id)) & os.sched_getaffinity(0)
        if near:
            CPUAffinity(sorted(near)).setup()
    except Exception as error:  # the worker computes as well without
        log.warning("dask-cuda can't tell the cores next to %s: %r", own.found.id, error)
