"""The GPUs that a process may see, by the variables of NVIDIA and AMD."""

from __future__ import annotations

import os

VARIABLES = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")


def own_devices() -> dict[str, str]:
    """What this process was given, for a child that is to compute on the same."""
    return {name: os.environ[name] for name in VARIABLES if name in os.environ}


def hide_devices() -> None:
    """From now on this process sees none."""
    os.environ.update(dict.fromkeys(VARIABLES, "-1"))
