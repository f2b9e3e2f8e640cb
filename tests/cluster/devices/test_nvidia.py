"""NVIDIA's GPUs, whole and in slices."""

from __future__ import annotations

from typing import Any

import pytest

from lepton_lab.cluster.devices import Found, Reading
from lepton_lab.cluster.devices._nvidia import Nvidia

GIB = 2**30


def test_a_slice_is_a_device_with_its_own_name_and_memory(nvml: Any) -> None:
    assert Nvidia().find() == (
        Found("GPU-11111111-aaaa", "NVIDIA H200", 141 * GIB, "driver 570.86.15, GPU-11111111"),
        Found("MIG-33333333-cccc", "NVIDIA A100-SXM4-40GB MIG 1g.5gb", 5 * GIB, "driver 570.86.15, MIG-33333333"),
        Found("MIG-44444444-dddd", "NVIDIA A100-SXM4-40GB MIG 2g.10gb", 10 * GIB, "driver 570.86.15, MIG-44444444"),
    )
    assert nvml.inits == 0, "the library is let go"


def test_a_board_whose_slices_are_off_is_whole(nvml: Any) -> None:
    nvml.boards[1].slices = ()
    assert [found.id for found in Nvidia().find()] == ["GPU-11111111-aaaa", "GPU-22222222-bbbb"]


def test_a_gpu_that_shares_the_cpu_s_memory_tells_none(nvml: Any) -> None:
    def refuse(device: object) -> None:
        raise nvml.NVMLError_NotSupported

    nvml.nvmlDeviceGetMemoryInfo = refuse
    assert [found.memory for found in Nvidia().find()] == [0, 0, 0]
    assert Nvidia().load("GPU-11111111-aaaa").memory is None


def test_what_is_hidden_is_not_found(nvml: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-4,0")
    assert [found.id[:5] for found in Nvidia().find()] == ["MIG-4", "GPU-1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert Nvidia().find() == ()


def test_one_is_seen_or_none() -> None:
    assert Nvidia().environment(Found("GPU-1a", "x")) == {"CUDA_VISIBLE_DEVICES": "GPU-1a"}
    assert Nvidia().environment(None) == {"CUDA_VISIBLE_DEVICES": "-1"}


def test_load(nvml: Any) -> None:
    member = Nvidia()
    assert member.load("GPU-11111111-aaaa") == Reading(40, 3 * GIB, 351.5, 58)
    assert member.load("GPU-11111111-aaaa").utilization == 41, "each time anew"
    assert nvml.inits == 1


def test_a_slice_tells_its_memory_alone(nvml: Any) -> None:
    assert Nvidia().load("MIG-44444444-dddd") == Reading(None, 3 * GIB, None, None)


def test_without_a_driver_there_is_none(nvml: Any) -> None:
    def refuse() -> None:
        raise nvml.NVMLError_DriverNotLoaded

    nvml.nvmlInit = refuse
    assert Nvidia().find() == ()
