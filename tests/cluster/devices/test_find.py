"""The family as a whole: built-in members, plug-ins, and those that fail."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lepton_lab.cluster.devices import Found, OwnDevice, Reading, find, kinds
from tests.cluster.fakes.places import install_plug_in
from tests.cluster.processes import REPOSITORY

HIDDEN = {"CUDA_VISIBLE_DEVICES": "-1", "ROCR_VISIBLE_DEVICES": "-1", "HIP_VISIBLE_DEVICES": "-1"}


@pytest.fixture
def plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for a distribution, which this process sees; its module is forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(sys.modules, "fake_fpga", sys)
    del sys.modules["fake_fpga"]
    return tmp_path


def test_a_cpu_worker_sees_no_accelerator(nvml: Any) -> None:
    found = find("cpu")
    assert (found.accelerators, found.problems) == ((), ())
    assert found.cpu == OwnDevice("cpu", "", None, HIDDEN)
    assert found.cpu.resources == {}


def test_each_gpu_s_worker_sees_that_one_alone_whoever_made_it(nvml: Any, amdsmi: Any) -> None:
    whole, *slices, instinct, radeon = find("gpu").accelerators
    assert whole.environment == {**HIDDEN, "CUDA_VISIBLE_DEVICES": "GPU-11111111-aaaa"}
    assert [each.environment["CUDA_VISIBLE_DEVICES"][:4] for each in slices] == ["MIG-", "MIG-"]
    assert instinct.environment == {
        "CUDA_VISIBLE_DEVICES": "-1",
        "ROCR_VISIBLE_DEVICES": "GPU-5c88007d3f4d5f6c",
        "HIP_VISIBLE_DEVICES": "0",
    }
    assert radeon.environment["ROCR_VISIBLE_DEVICES"] == "1"
    assert {str(each.resources) for each in find("gpu").accelerators} == {"{'GPU': 1}"}


def test_a_worker_knows_its_device_by_its_environment(nvml: Any) -> None:
    own = find("gpu").accelerators[0]
    told = OwnDevice.told(own.variables)
    assert told is not None and (told.kind, told.source, told.found) == (own.kind, own.source, own.found)
    assert told.read().temperature == 58.0
    assert OwnDevice.told({}) is None
    assert OwnDevice.told(OwnDevice().variables) == OwnDevice()
    assert OwnDevice().read() == Reading()


def test_a_plug_in_is_known_by_name_and_imported_by_find_alone(plug_in: Path) -> None:
    install_plug_in(plug_in, fpga="fake_fpga:Fpga", auto="fake_fpga:Fpga", Odd="fake_fpga:Fpga")
    assert kinds() == ("gpu", "tpu", "fpga")
    assert find("cpu").cpu.environment == HIDDEN
    assert "fake_fpga" not in sys.modules
    found = find("fpga")
    assert [each.found for each in found.accelerators] == [
        Found("fpga0", "Fake FPGA", 8 * 10**9, "board 0"),
        Found("fpga1", "Fake FPGA", 8 * 10**9, "board 1"),
    ]
    assert found.accelerators[1].environment == {**HIDDEN, "FAKE_FPGA": "fpga1"}
    assert found.cpu.environment == {**HIDDEN, "FAKE_FPGA": ""}
    assert found.accelerators[1].resources == {"FPGA": 1}
    assert found.accelerators[1].read() == Reading(13.0, 2e9, 31.5, 44.0)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("fake_fpga:Broken", "RuntimeError: the driver is from another planet"),
        ("fake_fpga:Wrong", "TypeError: find() gave str"),
        ("fake_fpga:Misnamed", "ValueError: its class says kind='npu', its entry point 'fpga'"),
        ("fake_fpga:Stranger", "TypeError: fake_fpga:Stranger is no subclass"),
        ("fake_fpga:Missing", "AttributeError"),
        ("no_such_module_anywhere:Fpga", "ModuleNotFoundError"),
    ],
)
def test_one_that_raises_is_named_in_one_line_and_left_out(
    plug_in: Path, caplog: pytest.LogCaptureFixture, value: str, says: str
) -> None:
    install_plug_in(plug_in, fpga=value)
    with caplog.at_level(logging.WARNING, "lepton_lab"):
        found = find("fpga")
    assert (found.accelerators, found.cpu.environment) == ((), HIDDEN)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith(f"{value}, which finds devices, is left out: ") and says in line and "\n" not in line
    assert found.problems == (line,)


def test_one_that_raises_keeps_no_other_away(
    plug_in: Path, nvml: Any, amdsmi: Any, caplog: pytest.LogCaptureFixture
) -> None:
    install_plug_in(plug_in, gpu="no_such_module_anywhere:Gpu")
    assert len(find("gpu").accelerators) == 5


def test_importing_the_lab_imports_no_plug_in_and_no_maker_s_library(tmp_path: Path) -> None:
    install_plug_in(tmp_path, fpga="fake_fpga:Fpga")
    code = (
        "import sys, lepton_lab.cluster, lepton_lab.commands\n"
        "from lepton_lab.cluster import device_names\n"
        "print(device_names(), [name for name in ('fake_fpga', 'pynvml', 'amdsmi') if name in sys.modules])"
    )
    environment = {"PYTHONPATH": f"{tmp_path}:{REPOSITORY}", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.strip() == "('auto', 'cpu', 'gpu', 'tpu', 'fpga') []", done.stderr
