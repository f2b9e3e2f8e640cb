"""What a worker can compute on: described inside the worker, with the load that its heartbeats tell."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lepton_lab.cluster import _host, devices
from lepton_lab.types import Device

INSTRUCTION_SETS = (
    "avx",
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "amx_tile",
    "amx_int8",
    "amx_bf16",
    "asimd",
    "sve",
    "i8mm",
    "bf16",
)
"""Flags of `/proc/cpuinfo` that decide how fast a network runs."""


def probe(dask_worker: Any) -> tuple[Device, ...]:
    """The worker's CPU and its own accelerator; all that it sees, where somebody else started it.

    Dask hands the worker in by the parameter's name.
    """
    worker = str(dask_worker.name)
    limit = dask_worker.memory_manager.memory_limit
    name, flags = cpu()
    found = [Device(worker, "cpu", name, _host.num_cores(), int(limit or 0), " ".join(flags))]
    own = devices.OwnDevice.told(os.environ)
    seen = (own,) if own else [each for kind in devices.kinds() for each in devices.find(kind).accelerators]
    for each in seen:
        if each.found is not None:
            found.append(Device(worker, each.kind, each.found.name, 1, each.found.memory, each.found.detail))
    return tuple(found)


def with_load(device: Device, load: Mapping[str, Any]) -> Device:
    """A device with what its worker's last heartbeat said of it; empty before there was one."""
    if device.kind == "cpu":
        if not load:
            return device
        return replace(device, load=min(100.0, load["cpu"] / device.units), memory_used=load["memory"])
    for told in load.get("accelerators", ()):
        if told["kind"] == device.kind:
            return replace(
                device,
                load=told["utilization"],
                memory_used=told["memory"],
                power=told["power"],
                temperature=told["temperature"],
            )
    return device


def cpu() -> tuple[str, tuple[str, ...]]:
    """The CPU's name and those of its instruction sets that matter here."""
    name, flags = "", set[str]()
    try:
        with Path("/proc/cpuinfo").open() as stream:
            for line in stream:
                key, _, value = (part.strip() for part in line.partition(":"))
                if key in ("model name", "Model") and not name:
                    name = value
                elif key in ("flags", "Features"):
                    flags = set(value.split())
                    break
    except OSError:
        pass  # not Linux
    return name or platform.processor() or platform.machine(), tuple(s for s in INSTRUCTION_SETS if s in flags)
