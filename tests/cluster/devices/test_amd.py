"""AMD's GPUs."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from lepton_lab.cluster.devices import Found, Reading
from lepton_lab.cluster.devices._amd import Amd

GIB = 2**30


def test_a_card_without_a_unique_id_is_known_by_its_number(amdsmi: Any) -> None:
    assert Amd().find() == (
        Found("GPU-5c88007d3f4d5f6c", "AMD Instinct MI300X", 192 * GIB, "driver 6.12.12, GPU-5c88007d"),
        Found("1", "AMD Radeon RX 7900 XTX", 24 * GIB, "driver 6.12.12, 1"),
    )
    assert amdsmi.inits == 0, "the library is let go"


def test_partitions_that_share_an_id_are_known_by_their_numbers(amdsmi: Any) -> None:
    amdsmi.cards[1].values["enumeration"] = {"hip_id": 1, "hip_uuid": "GPU-5c88007d3f4d5f6c"}
    assert [found.id for found in Amd().find()] == ["0", "1"]


def test_an_old_library_without_enumeration_counts(amdsmi: Any) -> None:
    del amdsmi.amdsmi_get_gpu_enumeration_info
    assert [found.id for found in Amd().find()] == ["0", "1"]


@pytest.mark.parametrize(
    ("variables", "left"),
    [
        ({"ROCR_VISIBLE_DEVICES": "GPU-5c"}, ["AMD Instinct MI300X"]),
        ({"ROCR_VISIBLE_DEVICES": "1", "HIP_VISIBLE_DEVICES": "0"}, ["AMD Radeon RX 7900 XTX"]),
        ({"ROCR_VISIBLE_DEVICES": "1", "HIP_VISIBLE_DEVICES": "1"}, []),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, []),
        ({"CUDA_VISIBLE_DEVICES": "-1", "HIP_VISIBLE_DEVICES": "0"}, ["AMD Instinct MI300X"]),
    ],
)
def test_what_is_hidden_is_not_found(
    amdsmi: Any, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], left: list[str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert [found.name for found in Amd().find()] == left


def test_one_is_seen_or_none() -> None:
    assert Amd().environment(Found("GPU-5c", "x")) == {"ROCR_VISIBLE_DEVICES": "GPU-5c", "HIP_VISIBLE_DEVICES": "0"}
    assert Amd().environment(None) == {"ROCR_VISIBLE_DEVICES": "-1", "HIP_VISIBLE_DEVICES": "-1"}


def test_load_from_the_sensors_that_a_card_has(amdsmi: Any) -> None:
    member = Amd()
    assert member.load("GPU-5c88007d3f4d5f6c") == Reading(71, 20 * GIB, 540, 63)
    assert member.load("1") == Reading(None, 1 * GIB, 88, 47)
    assert amdsmi.inits == 1


def test_without_the_library_there_is_none() -> None:
    if importlib.util.find_spec("amdsmi") is None:
        assert Amd().find() == ()
