"""What a child may see of GPUs."""

from __future__ import annotations

import os

import pytest

from lepton_lab.forkserver import own_devices
from lepton_lab.forkserver._devices import VARIABLES, hide_devices


def test_a_child_is_given_its_owner_s_whoever_made_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert own_devices() == {}
    monkeypatch.setenv("ROCR_VISIBLE_DEVICES", "GPU-5c")
    monkeypatch.setenv("HIP_VISIBLE_DEVICES", "0")
    assert own_devices() == {"ROCR_VISIBLE_DEVICES": "GPU-5c", "HIP_VISIBLE_DEVICES": "0"}


def test_a_forked_child_sees_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "0")  # put back after the test
    hide_devices()
    assert [os.environ[name] for name in VARIABLES] == ["-1"] * 3
