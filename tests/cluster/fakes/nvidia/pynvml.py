"""A stand-in for NVIDIA's library: one whole H200, and one A100 that is cut into two slices.

It answers what Lepton Lab and Dask ask, with the errors of the real one: a slice tells no utilisation, power or
temperature, and a number that no GPU has is refused, -1 too. The first board's load changes with every reading.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

NVML_TEMPERATURE_GPU = 0
NVML_DEVICE_MIG_ENABLE = 1
NVML_DEVICE_MIG_DISABLE = 0


class NVMLError(Exception):
    """The base of all."""


class NVMLError_NotSupported(NVMLError):
    pass


class NVMLError_NotFound(NVMLError):
    pass


class NVMLError_InvalidArgument(NVMLError):
    pass


class NVMLError_Uninitialized(NVMLError):
    pass


class NVMLError_LibraryNotFound(NVMLError):
    pass


class NVMLError_DriverNotLoaded(NVMLError):
    pass


class NVMLError_Unknown(NVMLError):
    pass


@dataclass(eq=False)
class Device:
    """A board or a slice of one."""

    uuid: str
    name: str
    total: int
    slices: tuple[Device | None, ...] = ()
    """Places for slices, empty ones too."""
    is_slice: bool = False


@dataclass
class Memory:
    total: int
    used: int


@dataclass
class Rates:
    gpu: int


GIB = 2**30
boards = [
    Device("GPU-11111111-aaaa", "NVIDIA H200", 141 * GIB),
    Device(
        "GPU-22222222-bbbb",
        "NVIDIA A100-SXM4-40GB",
        40 * GIB,
        (
            Device("MIG-33333333-cccc", "NVIDIA A100-SXM4-40GB MIG 1g.5gb", 5 * GIB, is_slice=True),
            None,
            Device("MIG-44444444-dddd", "NVIDIA A100-SXM4-40GB MIG 2g.10gb", 10 * GIB, is_slice=True),
        ),
    ),
]
inits = 0
_readings = itertools.count()


def _check() -> None:
    if inits <= 0:
        raise NVMLError_Uninitialized


def nvmlInit() -> None:
    global inits
    inits += 1


def nvmlShutdown() -> None:
    global inits
    _check()
    inits -= 1


def nvmlSystemGetDriverVersion() -> str:
    _check()
    return "570.86.15"


def nvmlDeviceGetCount() -> int:
    _check()
    return len(boards)


def nvmlDeviceGetHandleByIndex(index: int) -> Device:
    _check()
    if not 0 <= index < len(boards):
        raise NVMLError_InvalidArgument
    return boards[index]


def nvmlDeviceGetHandleByUUID(uuid: str | bytes) -> Device:
    _check()
    wanted = uuid.decode() if isinstance(uuid, bytes) else uuid
    for board in boards:
        for device in (board, *board.slices):
            if device is not None and device.uuid == wanted:
                return device
    raise NVMLError_NotFound


def nvmlDeviceGetMigMode(board: Device) -> tuple[int, int]:
    if board.is_slice:
        raise NVMLError_InvalidArgument
    if "H200" in board.name:
        return (0, 0)
    return (int(bool(board.slices)),) * 2


def nvmlDeviceGetMaxMigDeviceCount(board: Device) -> int:
    return len(board.slices)


def nvmlDeviceGetMigDeviceHandleByIndex(board: Device, index: int) -> Device:
    found = board.slices[index]
    if found is None:
        raise NVMLError_NotFound
    return found


def nvmlDeviceGetUUID(device: Device) -> str:
    return device.uuid


def nvmlDeviceGetName(device: Device) -> str:
    return device.name


def nvmlDeviceGetMemoryInfo(device: Device) -> Memory:
    _check()
    return Memory(device.total, 3 * GIB)


def _whole(device: Device) -> None:
    _check()
    if device.is_slice:
        raise NVMLError_NotSupported


def nvmlDeviceGetUtilizationRates(device: Device) -> Rates:
    _whole(device)
    return Rates(40 + next(_readings) % 50)


def nvmlDeviceGetPowerUsage(device: Device) -> int:
    _whole(device)
    return 351_500


def nvmlDeviceGetTemperature(device: Device, sensor: int) -> int:
    _whole(device)
    if sensor != NVML_TEMPERATURE_GPU:
        raise NVMLError_InvalidArgument
    return 58
