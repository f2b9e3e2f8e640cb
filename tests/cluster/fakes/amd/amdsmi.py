"""A stand-in for AMD's library: an Instinct card with a unique id, and a Radeon without one."""

from __future__ import annotations

from enum import Enum
from typing import Any


class AmdSmiException(Exception):
    """The base of all."""


class AmdSmiLibraryException(AmdSmiException):
    pass


class AmdSmiTemperatureType(Enum):
    EDGE = 0
    HOTSPOT = 1


class AmdSmiTemperatureMetric(Enum):
    CURRENT = 0


class AmdSmiMemoryType(Enum):
    VRAM = 0


class Card:
    """What the library gives as a processor's handle."""

    def __init__(self, **values: Any) -> None:
        self.values = values

    def tell(self, what: str) -> Any:
        if inits <= 0 or what not in self.values:
            raise AmdSmiLibraryException(what)
        return self.values[what]


GIB = 2**30
cards = [
    Card(
        asic={"market_name": "AMD Instinct MI300X"},
        enumeration={"hip_id": 0, "hip_uuid": "GPU-5c88007d3f4d5f6c"},
        total=192 * GIB,
        used=20 * GIB,
        activity={"gfx_activity": 71, "umc_activity": 12, "mm_activity": "N/A"},
        power={"socket_power": 540, "current_socket_power": 540, "average_socket_power": "N/A"},
        HOTSPOT=63,
    ),
    Card(
        asic={"market_name": "AMD Radeon RX 7900 XTX"},
        enumeration={"hip_id": 1, "hip_uuid": "GPU-XX"},
        total=24 * GIB,
        used=1 * GIB,
        activity={"gfx_activity": "N/A"},
        power={"current_socket_power": 0xFFFF, "average_socket_power": 88},
        EDGE=47,
    ),
]
inits = 0


def amdsmi_init() -> None:
    global inits
    inits += 1


def amdsmi_shut_down() -> None:
    global inits
    inits -= 1


def amdsmi_get_processor_handles() -> list[Card]:
    return list(cards)


def amdsmi_get_gpu_asic_info(card: Card) -> Any:
    return card.tell("asic")


def amdsmi_get_gpu_driver_info(card: Card) -> dict[str, str]:
    return {"driver_name": "amdgpu", "driver_version": "6.12.12"}


def amdsmi_get_gpu_enumeration_info(card: Card) -> Any:
    return card.tell("enumeration")


def amdsmi_get_gpu_memory_total(card: Card, kind: AmdSmiMemoryType) -> Any:
    return card.tell("total")


def amdsmi_get_gpu_memory_usage(card: Card, kind: AmdSmiMemoryType) -> Any:
    return card.tell("used")


def amdsmi_get_gpu_activity(card: Card) -> Any:
    return card.tell("activity")


def amdsmi_get_power_info(card: Card) -> Any:
    return card.tell("power")


def amdsmi_get_temp_metric(card: Card, sensor: AmdSmiTemperatureType, metric: AmdSmiTemperatureMetric) -> Any:
    return card.tell(sensor.name)
