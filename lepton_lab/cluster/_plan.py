"""What is to be started, decided and checked before any process is."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lepton_lab.cluster import _host, devices
from lepton_lab.cluster.devices import Inventory, OwnDevice
from lepton_lab.display import size
from lepton_lab.errors import InputError, UnknownNameError

IDLE_TIMEOUT = "1h"
"""After which a detached cluster without work ends itself, unless told otherwise."""

MIN_MEMORY = 150_000_000
"""Bytes below which Dask's worker, which has 65 MB resident when it starts, would soon pause."""

_UNITS = {
    "": 1,
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
    "K": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
}


@dataclass(frozen=True)
class WorkerPlan:
    """One worker to be started."""

    name: str
    threads: int
    memory: int
    """Bytes."""
    device: OwnDevice
    """The one that it alone sees."""

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> WorkerPlan:
        """From what `dataclasses.asdict` made of it."""
        return cls(**{**values, "device": OwnDevice.from_plain(values["device"])})


def device_names() -> tuple[str, ...]:
    """What `up` takes for `device`. `auto`: a worker per GPU where there are any, else CPU workers."""
    return ("auto", "cpu", *devices.kinds())


def make_plan(
    workers: int | None,
    device: str,
    threads: int | None,
    memory: str | None,
    cpu_workers: int = 0,
    bounds: tuple[int, int] | None = None,
) -> tuple[WorkerPlan, ...]:
    """Decide on device, threads and memory of each worker; those with an accelerator come first.

    Where there is none, `cpu_workers` are more CPU workers. Cores are shared out equally, and what is left over goes to
    the CPU workers beside accelerators, which compute on nothing else. Where the number of workers will go by the work,
    `bounds` are the fewest and the most: as many cores and as much memory are left as the most will take.

    Raises
    ------
    InputError
        If a number or the memory is not one that this machine can give, or a device is asked for that it lacks.
    """
    for option, value, least in (("workers", workers, 1), ("threads", threads, 1), ("cpu_workers", cpu_workers, 0)):
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < least):
            raise InputError(
                f"{option}={value!r} is not a number from {least} on: leave it out, or give a whole number."
            )
    if bounds is not None:
        if cpu_workers or not bounds[0] <= (workers or bounds[0]) <= bounds[1]:
            what = f"cpu_workers={cpu_workers}" if cpu_workers else f"workers={workers}"
            raise InputError(f"{what} doesn't go with adapt='{bounds[0]}:{bounds[1]}': leave it out, or adapt.")
        return make_plan(bounds[1], device, threads, memory)[: workers or bounds[0]]
    inventory = _choose(device, workers)
    own = inventory.accelerators[:workers]
    cores = _host.num_cores()
    if workers is None and not own and not cpu_workers:
        workers = max(1, cores // (threads or 1))
    num_cpu = max(0, (workers or 0) - len(own)) + cpu_workers
    count = len(own) + num_cpu
    each = threads or max(1, cores // count)
    rest = each if threads or not own or not num_cpu else max(each, (cores - each * len(own)) // num_cpu)
    share = parse_memory(memory, count)
    given = (*((one, each) for one in own), *[(inventory.cpu, rest)] * num_cpu)
    return tuple(WorkerPlan(f"w{index}", num, share, one) for index, (one, num) in enumerate(given))


def _choose(device: str, workers: int | None) -> Inventory:
    """The devices for the workers, none of them for CPU workers."""
    names = device_names()
    if device not in names:
        raise UnknownNameError("device", str(device), hint=f"There are: {', '.join(names)}.")
    inventory = devices.find("gpu" if device == "auto" else device)
    num = len(inventory.accelerators)
    if device in ("auto", "cpu"):
        return inventory
    if not num:
        why = "".join(f" {problem}." for problem in inventory.problems)
        raise InputError(f"device={device!r}: no {device.upper()} was found here: use device='auto' or 'cpu'.{why}")
    if workers is not None and workers > num:
        raise InputError(
            f"workers={workers} but {num} {device.upper()}(s) were found, and each worker takes one of its own: "
            f"ask for at most {num}, and for CPU workers beside them by cpu_workers={workers - num}."
        )
    return inventory


def parse_memory(memory: str | None, count: int) -> int:
    """Bytes for each of `count` workers: what `memory` says, or an equal share of what this process may use."""
    total = _host.memory_bytes()
    if memory is None:
        if total // count < MIN_MEMORY:
            raise InputError(
                f"workers={count} leaves each {size(total // count)} of {size(total)}, and a worker needs "
                f"{size(MIN_MEMORY)}: ask for at most {total // MIN_MEMORY}."
            )
        return total // count
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([A-Za-z]*)\s*", str(memory))
    units = {unit.lower(): factor for unit, factor in _UNITS.items()}
    if match is None or match[2].lower() not in units:
        raise InputError(f"memory={memory!r} is not an amount of memory: write it like '4GB', '512MiB' or 2000000000.")
    asked = int(float(match[1]) * units[match[2].lower()])
    if not MIN_MEMORY <= asked <= total:
        raise InputError(
            f"memory={memory!r} for each worker is not between {size(MIN_MEMORY)}, which a worker needs, "
            f"and {size(total)}, which this machine allows."
        )
    return asked


def check_host(host: str) -> None:
    """Refuse what is no address of this machine, or one that stands for all of them."""
    try:
        is_any = ipaddress.ip_address(host).is_unspecified
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as trial:
            trial.bind((host, 0))
    except (ValueError, OSError) as error:
        raise InputError(
            f"host={host!r} is not an address of this machine ({error}): give one that other hosts reach it by, such "
            "as '10.0.0.5', or leave it out."
        ) from None
    if is_any:
        raise InputError(f"host={host!r} stands for every address of this machine: give the one that others reach.")


def check_idle(timeout: str | None, detach: bool) -> str:
    """The idle time-out as Dask takes it; empty for none."""
    from dask.utils import parse_timedelta

    if timeout is None:
        return IDLE_TIMEOUT if detach else ""
    try:
        seconds = parse_timedelta(timeout)
    except (KeyError, ValueError, TypeError):
        seconds = 0
    if seconds < 1:
        raise InputError(f"idle_timeout={timeout!r} is not a time: write it like '30 min', '2 h' or '90 s'.")
    return f"{seconds:g}s"


def parse_adapt(adapt: str) -> tuple[int, int]:
    """The fewest and the most workers that `"1:4"` stands for."""
    match = re.fullmatch(r"(\d+):(\d+)", adapt) if isinstance(adapt, str) else None
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise InputError(f"adapt={adapt!r} is not MIN:MAX: give the fewest and the most workers, such as '1:4'.")
    return int(match[1]), int(match[2])
