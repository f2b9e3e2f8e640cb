"""What a worker can compute on; run inside the worker."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

from lepton_lab.cluster import _host
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
    """The worker's CPU and accelerators. Dask hands the worker in by the parameter's name."""
    worker = str(dask_worker.name)
    limit = dask_worker.memory_manager.memory_limit
    name, flags = cpu()
    found = [Device(worker, "cpu", name, _host.num_cores(), int(limit or 0), " ".join(flags))]
    for gpu in _host.find_gpus():
        found.append(Device(worker, "gpu", gpu.name, 1, gpu.memory, f"driver {gpu.driver}, {gpu.uuid[:12]}"))
    if os.environ.get("CUDA_VISIBLE_DEVICES") != "-1":
        found += [Device(worker, "tpu", "TPU chip", 1, 0, path) for path in _host.find_tpus()]
    return tuple(found)


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
