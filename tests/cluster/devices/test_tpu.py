"""TPUs by their device files."""

from __future__ import annotations

from pathlib import Path

import pytest

from lepton_lab.cluster.devices import Found, Reading
from lepton_lab.cluster.devices._tpu import Tpu


def test_all_chips_are_one_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Tpu(tmp_path).find() == ()
    for name in ("accel1", "accel0", "accelerometer"):
        (tmp_path / name).touch()
    files = [str(tmp_path / name) for name in ("accel0", "accel1")]
    assert Tpu(tmp_path).find() == (Found(",".join(files), "TPU", 0, f"2 chips: {', '.join(files)}"),)
    monkeypatch.setenv("TPU_ACCELERATOR_TYPE", "v4-8")
    assert Tpu(tmp_path).find()[0].name == "TPU v4-8"
    assert Tpu(tmp_path).load(files[0]) == Reading()


def test_vfio_counts_only_where_the_machine_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vfio").mkdir()
    (tmp_path / "vfio" / "0").touch()
    (tmp_path / "vfio" / "vfio").touch()
    assert Tpu(tmp_path).find() == ()
    monkeypatch.setenv("TPU_ACCELERATOR_TYPE", "v5litepod-1")
    assert Tpu(tmp_path).find()[0].detail == f"1 chip: {tmp_path}/vfio/0"
