"""What is to be started, decided and checked before any process is."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass

from lepton_lab.cluster import _host
from lepton_lab.display import size
from lepton_lab.errors import InputError, UnknownNameError

DEVICES = ("auto", "cpu", "gpu", "tpu")
"""What `up` takes for `device`. `auto`: a worker per GPU where there are any, else CPU workers."""

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
    gpu: str = ""
    """UUID of the GPU that it alone sees; empty for none."""


@dataclass(frozen=True)
class Plan:
    """All that `up` was asked for, in numbers."""

    device: str
    """`cpu`, `gpu` or `tpu`."""
    workers: tuple[WorkerPlan, ...]


def make_plan(workers: int | None, device: str, threads: int | None, memory: str | None) -> Plan:
    """Decide on devices, threads and memory of each worker.

    Raises
    ------
    InputError
        If a number or the memory is not one that this machine can give, or a device is asked for that it lacks.
    """
    for option, value in (("workers", workers), ("threads", threads)):
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
            raise InputError(f"{option}={value!r} is not a number from 1 on: leave it out, or give a whole number.")
    device, gpus = _choose(device, workers)
    cores = _host.num_cores()
    count = workers or {"gpu": len(gpus), "tpu": 1}.get(device, max(1, cores // (threads or 1)))
    each = threads or max(1, cores // count)
    share = parse_memory(memory, count)
    names = [f"w{index}" for index in range(count)]
    uuids = [*(gpu.uuid for gpu in gpus), *[""] * count]
    return Plan(device, tuple(WorkerPlan(name, each, share, uuid) for name, uuid in zip(names, uuids, strict=False)))


def _choose(device: str, workers: int | None) -> tuple[str, tuple[_host.Gpu, ...]]:
    if device not in DEVICES:
        raise UnknownNameError("device", str(device), DEVICES)
    if device == "tpu":
        if not _host.find_tpus():
            raise InputError("device='tpu': there is no TPU here (no /dev/accel*): use device='auto'.")
        if workers not in (None, 1):
            raise InputError(f"workers={workers} on a TPU host: one worker drives all its chips, so ask for 1.")
        return "tpu", ()
    gpus = () if device == "cpu" else _host.find_gpus()
    if device == "gpu" and not gpus:
        raise InputError("device='gpu': NVML found no GPU on this machine: use device='auto' or 'cpu'.")
    if device == "gpu" and workers is not None and workers > len(gpus):
        raise InputError(
            f"workers={workers} but NVML found {len(gpus)} GPU(s), and each worker takes one of its own: "
            f"ask for at most {len(gpus)}, or use device='auto'."
        )
    return ("gpu" if gpus else "cpu"), gpus


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
