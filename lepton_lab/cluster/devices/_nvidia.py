"""NVIDIA's GPUs, and slices of them (MIG), by NVML."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from lepton_lab.cluster.devices._base import Accelerator, Found, Reading
from lepton_lab.cluster.devices._visible import visible

VARIABLE = "CUDA_VISIBLE_DEVICES"


class Nvidia(Accelerator):
    """The GPUs that NVML finds; slices where a GPU is cut. `CUDA_VISIBLE_DEVICES` is respected."""

    kind = "gpu"

    def __init__(self) -> None:
        self._handles: dict[str, Any] = {}

    def find(self) -> tuple[Found, ...]:
        try:
            import pynvml

            pynvml.nvmlInit()
        except Exception:  # no package, no driver, no library: all of them mean no GPU
            return ()
        try:
            driver = f"driver {pynvml.nvmlSystemGetDriverVersion()}"
            found: list[Found] = []
            for index in range(pynvml.nvmlDeviceGetCount()):
                board = pynvml.nvmlDeviceGetHandleByIndex(index)
                for handle in _slices(board) or [board]:
                    uuid = str(pynvml.nvmlDeviceGetUUID(handle))
                    memory = int(_told(partial(_total, handle)) or 0)  # a GPU that shares the CPU's memory tells none
                    # A slice's name says how large it is: "NVIDIA A100-SXM4-40GB MIG 1g.5gb".
                    found.append(Found(uuid, str(pynvml.nvmlDeviceGetName(handle)), memory, f"{driver}, {uuid[:12]}"))
            return visible(tuple(found), os.environ.get(VARIABLE))
        except pynvml.NVMLError:
            return ()
        finally:
            pynvml.nvmlShutdown()

    def environment(self, found: Found | None) -> dict[str, str]:
        return {VARIABLE: found.id if found else "-1"}

    def load(self, id: str) -> Reading:
        """A slice tells its memory alone: its board's power and temperature are those of other slices too."""
        import pynvml

        if id not in self._handles:
            pynvml.nvmlInit()
            self._handles[id] = pynvml.nvmlDeviceGetHandleByUUID(id)
        handle = self._handles[id]
        return Reading(
            _told(lambda: pynvml.nvmlDeviceGetUtilizationRates(handle).gpu),
            _told(lambda: pynvml.nvmlDeviceGetMemoryInfo(handle).used),
            _told(lambda: pynvml.nvmlDeviceGetPowerUsage(handle) / 1000),
            _told(lambda: pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)),
        )


def _slices(board: object) -> list[object]:
    """The MIG devices of a GPU; empty where MIG is off."""
    import pynvml

    try:
        current, _ = pynvml.nvmlDeviceGetMigMode(board)
    except pynvml.NVMLError:
        return []
    if not current:
        return []
    slices = []
    for index in range(pynvml.nvmlDeviceGetMaxMigDeviceCount(board)):
        with suppress(pynvml.NVMLError):  # this place is empty
            slices.append(pynvml.nvmlDeviceGetMigDeviceHandleByIndex(board, index))
    return slices


def _total(handle: object) -> float:
    import pynvml

    return float(pynvml.nvmlDeviceGetMemoryInfo(handle).total)


def _told(ask: Callable[[], float]) -> float | None:
    """What NVML answers, or None where this GPU (or slice) can't tell."""
    import pynvml

    try:
        return float(ask())
    except pynvml.NVMLError:
        return None
