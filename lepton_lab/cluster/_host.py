"""What this machine lets this process use: cores, memory, GPUs and TPUs. Nothing is probed at import."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Gpu:
    """A GPU, or a slice of one (MIG), as NVML tells it."""

    uuid: str
    """What `CUDA_VISIBLE_DEVICES` takes: `"GPU-..."` or `"MIG-..."`."""
    name: str
    memory: int
    """Bytes."""
    driver: str


def num_cores() -> int:
    """Cores that may be used: the affinity mask, and a container's CPU quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, period = _quota()
    return max(1, min(cores, round(quota / period))) if quota > 0 else cores


def _quota(root: Path = Path("/sys/fs/cgroup")) -> tuple[float, float]:
    """CPU quota and period in microseconds; a quota of 0 means none. Control groups version 2, then version 1."""
    try:
        quota, period = (root / "cpu.max").read_text().split()
        return (0.0, 1.0) if quota == "max" else (float(quota), float(period))
    except (OSError, ValueError):
        pass
    try:
        quota_v1 = float((root / "cpu/cpu.cfs_quota_us").read_text())
        return max(0.0, quota_v1), float((root / "cpu/cpu.cfs_period_us").read_text())
    except (OSError, ValueError):
        return 0.0, 1.0


def memory_bytes() -> int:
    """Memory that may be used: the machine's, or a container's limit where that is less."""
    import psutil

    limits = [int(psutil.virtual_memory().total)]
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # no such control group, or "max"
            limits.append(int((Path("/sys/fs/cgroup") / name).read_text()))
    return min(limits)


def find_gpus() -> tuple[Gpu, ...]:
    """The NVIDIA GPUs that NVML finds; slices where a GPU is cut (MIG). `CUDA_VISIBLE_DEVICES` is respected."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # no package, no driver, no library: all of them mean no GPU
        return ()
    try:
        driver = str(pynvml.nvmlSystemGetDriverVersion())
        found: list[Gpu] = []
        for index in range(pynvml.nvmlDeviceGetCount()):
            board = pynvml.nvmlDeviceGetHandleByIndex(index)
            name = str(pynvml.nvmlDeviceGetName(board))
            for handle in _slices(board) or [board]:
                uuid, memory = str(pynvml.nvmlDeviceGetUUID(handle)), pynvml.nvmlDeviceGetMemoryInfo(handle)
                found.append(Gpu(uuid, name, int(memory.total), driver))
        return _visible(tuple(found), os.environ.get("CUDA_VISIBLE_DEVICES"))
    except pynvml.NVMLError:
        return ()
    finally:
        pynvml.nvmlShutdown()


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


def _visible(gpus: tuple[Gpu, ...], variable: str | None) -> tuple[Gpu, ...]:
    """Those of `gpus` that `CUDA_VISIBLE_DEVICES` names, by number or by (the beginning of) the UUID."""
    if variable is None:
        return gpus
    chosen: list[Gpu] = []
    for entry in (part.strip() for part in variable.split(",")):
        if entry.isdigit() and int(entry) < len(gpus):
            chosen.append(gpus[int(entry)])
            continue
        match = [gpu for gpu in gpus if entry and gpu.uuid.startswith(entry)]
        if not match:
            break  # as CUDA does: the list ends at the first that isn't there
        chosen.append(match[0])
    return tuple(chosen)


def find_tpus() -> tuple[str, ...]:
    """Device files of TPUs: `/dev/accel*`, or `/dev/vfio/N` where the machine says that it has TPUs."""
    files = [*Path("/dev").glob("accel[0-9]*")]
    if not files and "TPU_ACCELERATOR_TYPE" in os.environ:
        files = [*Path("/dev/vfio").glob("[0-9]*")]
    return tuple(sorted(map(str, files)))
