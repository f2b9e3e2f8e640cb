"""AMD's GPUs, by `amdsmi`, the library that comes with ROCm; none where it isn't installed.

https://rocm.docs.amd.com/projects/amdsmi/en/latest/reference/amdsmi-py-api.html
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from lepton_lab.cluster.devices._base import Accelerator, Found, Reading
from lepton_lab.cluster.devices._visible import visible

_UNKNOWN = (0xFFFF, 0xFFFFFFFF)
"""What older versions of the library say where newer ones say "N/A"."""


class Amd(Accelerator):
    """The GPUs that ROCm finds; `ROCR_VISIBLE_DEVICES` is respected, and `HIP_VISIBLE_DEVICES` among what it leaves."""

    kind = "gpu"

    def __init__(self) -> None:
        self._handles: dict[str, Any] = {}

    def find(self) -> tuple[Found, ...]:
        try:
            import amdsmi

            amdsmi.amdsmi_init()
        except (Exception, SystemExit):  # no package, no library, no driver: all of them mean no GPU
            return ()
        try:
            found = tuple(_describe(id, handle) for id, handle in _by_id().items())
        except amdsmi.AmdSmiException:
            return ()
        finally:
            amdsmi.amdsmi_shut_down()
        left = visible(found, os.environ.get("ROCR_VISIBLE_DEVICES"))
        return visible(left, os.environ.get("HIP_VISIBLE_DEVICES", os.environ.get("CUDA_VISIBLE_DEVICES")))

    def environment(self, found: Found | None) -> dict[str, str]:
        """HIP's number is that among the devices which ROCr leaves, and goes before `CUDA_VISIBLE_DEVICES`."""
        if found is None:
            return {"ROCR_VISIBLE_DEVICES": "-1", "HIP_VISIBLE_DEVICES": "-1"}
        return {"ROCR_VISIBLE_DEVICES": found.id, "HIP_VISIBLE_DEVICES": "0"}

    def load(self, id: str) -> Reading:
        import amdsmi

        if id not in self._handles:
            amdsmi.amdsmi_init()
            self._handles = _by_id()
        handle = self._handles[id]
        power = _told(lambda: amdsmi.amdsmi_get_power_info(handle)) or {}
        activity = _told(lambda: amdsmi.amdsmi_get_gpu_activity(handle)) or {}
        sensors = amdsmi.AmdSmiTemperatureType
        now = amdsmi.AmdSmiTemperatureMetric.CURRENT
        return Reading(
            _number(activity.get("gfx_activity")),
            _number(_told(lambda: amdsmi.amdsmi_get_gpu_memory_usage(handle, amdsmi.AmdSmiMemoryType.VRAM))),
            # The first is ROCm 7's, the second of Instinct cards, the third of the others.
            _first(power.get(f"{which}socket_power") for which in ("", "current_", "average_")),
            # Instinct cards have no sensor at the edge.
            _first(
                _told(lambda sensor=sensor: amdsmi.amdsmi_get_temp_metric(handle, sensor, now))  # type: ignore[misc]
                for sensor in (sensors.EDGE, sensors.HOTSPOT)
            ),
        )


def _by_id() -> dict[str, Any]:
    """The library's handles by what `ROCR_VISIBLE_DEVICES` takes: a unique id, or HIP's number where there is none."""
    import amdsmi

    handles = list(amdsmi.amdsmi_get_processor_handles())
    known = [_told(lambda h=h: amdsmi.amdsmi_get_gpu_enumeration_info(h)) or {} for h in handles]  # type: ignore[misc]
    uuids = [str(info.get("hip_uuid", "")) for info in known]
    ids = [
        uuid
        if uuid.startswith("GPU-") and uuids.count(uuid) == 1 and "XX" not in uuid
        else str(info.get("hip_id", index))
        for index, (uuid, info) in enumerate(zip(uuids, known, strict=True))
    ]
    return dict(zip(ids, handles, strict=True))


def _describe(id: str, handle: object) -> Found:
    import amdsmi

    asic = _told(lambda: amdsmi.amdsmi_get_gpu_asic_info(handle)) or {}
    driver = _told(lambda: amdsmi.amdsmi_get_gpu_driver_info(handle)) or {}
    memory = _number(_told(lambda: amdsmi.amdsmi_get_gpu_memory_total(handle, amdsmi.AmdSmiMemoryType.VRAM)))
    detail = f"driver {driver.get('driver_version', 'unknown')}, {id[:12]}"
    return Found(id, str(asic.get("market_name") or "AMD GPU"), int(memory or 0), detail)


def _told(ask: Callable[[], Any]) -> Any:
    """What the library answers, or None where this GPU (or version) can't tell."""
    import amdsmi

    try:
        return ask()
    except (amdsmi.AmdSmiException, AttributeError):
        return None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and value not in _UNKNOWN else None


def _first(values: Any) -> float | None:
    return next((number for value in values if (number := _number(value)) is not None), None)
