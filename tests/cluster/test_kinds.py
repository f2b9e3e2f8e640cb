"""Real clusters of workers of several kinds, with makers' libraries that stand in for the hardware."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lepton_lab.cluster import Handle, _connect, _record, find, look, up
from lepton_lab.errors import ClusterError, InputError
from lepton_lab.events import Event, WorkerLoad
from tests.cluster.fakes.places import AMD, NVIDIA, install_plug_in
from tests.cluster.processes import wait_until

MEMORY = "300MB"


@contextmanager
def importing(*folders: Path) -> Iterator[None]:
    """This process, and those that it starts, import from these folders first; afterwards it is as before."""
    names = ("pynvml", "amdsmi", "fake_fpga")
    with pytest.MonkeyPatch.context() as patch:
        for folder in folders:
            patch.syspath_prepend(str(folder))
        before = {name: sys.modules.pop(name, None) for name in names}
        try:
            yield
        finally:
            for name, module in before.items():
                sys.modules.pop(name, None)
                if module is not None:
                    sys.modules[name] = module


@pytest.fixture(scope="module")
def fpgas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Handle]:
    """One worker with one of two FPGAs, and a CPU worker."""
    site = install_plug_in(tmp_path_factory.mktemp("site"), fpga="fake_fpga:Fpga")
    with importing(site):
        handle = up(
            tmp_path_factory.mktemp("kinds"), name="lab", workers=1, device="fpga", cpu_workers=1, memory=MEMORY
        )
        yield handle
        handle.down()


def environment_of(handle: Handle, name: str) -> dict[str, str]:
    """Of the worker with this name."""
    address = next(worker.address for worker in handle.workers() if worker.name == name)
    found: dict[str, str] = handle.client.run(lambda: dict(os.environ), workers=[address])[address]
    return found


def test_each_worker_is_of_its_kind(fpgas: Handle) -> None:
    assert [(worker.name, worker.device) for worker in fpgas.workers()] == [("w0", "fpga"), ("w1", "cpu")]
    resources = {str(w["name"]): w["resources"] for w in _connect.describe(fpgas.client).values()}
    assert resources == {"w0": {"lepton": 1, "FPGA": 1}, "w1": {"lepton": 1}}
    assert environment_of(fpgas, "w0")["FAKE_FPGA"] == "fpga0"
    assert environment_of(fpgas, "w1")["FAKE_FPGA"] == ""
    assert {environment_of(fpgas, name)["CUDA_VISIBLE_DEVICES"] for name in ("w0", "w1")} == {"-1"}


def test_a_task_finds_the_worker_with_the_device(fpgas: Handle) -> None:
    futures = [
        fpgas.client.submit(lambda i: os.environ["FAKE_FPGA"], i, resources={"FPGA": 1}, pure=False) for i in range(4)
    ]
    assert fpgas.client.gather(futures) == ["fpga0"] * 4


def test_the_table_tells_devices_and_their_load(fpgas: Handle) -> None:
    wait_until(lambda: all(device.load is not None for device in fpgas.devices().devices))
    table = fpgas.devices()
    assert [(d.worker, d.kind) for d in table.devices] == [("w0", "cpu"), ("w0", "fpga"), ("w1", "cpu")]
    board = table.devices[1]
    assert (board.name, board.memory, board.detail) == ("Fake FPGA", 8 * 10**9, "board 0")
    assert (board.load, board.memory_used, board.power, board.temperature) == (12.0, 2e9, 31.5, 44.0)
    assert all((cpu.memory_used or 0) > 10**7 and cpu.power is None for cpu in table.devices if cpu.kind == "cpu")
    header, row = table.table().header, table.table().rows[1]
    assert tuple(header) == ("worker", "kind", "device", "cores", "memory", "used", "load", "power", "temperature", "")
    assert tuple(row)[3:] == ("-", "8.0 GB", "2.0 GB", "12 %", "32 W", "44 °C", "board 0")


def test_the_monitor_hears_of_it(fpgas: Handle) -> None:
    heard: list[Event] = []
    stop = fpgas.monitor(heard.append)
    wait_until(lambda: {event.worker for event in heard if isinstance(event, WorkerLoad)} == {"w0", "w1"})
    stop()
    loads = {event.worker: event.accelerators for event in heard if isinstance(event, WorkerLoad)}
    assert loads["w1"] == ()
    (board,) = loads["w0"]
    assert (board.kind, board.utilization, board.memory_total, board.temperature) == ("fpga", 12.0, 8 * 10**9, 44.0)


def test_a_kernel_that_only_looks_knows_the_kinds(fpgas: Handle) -> None:
    assert fpgas._record is not None
    (info,) = find(fpgas._record.folder.parent)
    assert [worker.device for worker in info.workers] == ["fpga", "cpu"]


def test_scaling_adds_the_kind_that_was_asked_for_while_there_are_any(fpgas: Handle) -> None:
    info = fpgas.scale(3)
    assert [(worker.name, worker.device) for worker in info.workers] == [("w0", "fpga"), ("w1", "cpu"), ("w2", "fpga")]
    assert environment_of(fpgas, "w2")["FAKE_FPGA"] == "fpga1"
    with pytest.raises(
        InputError, match="workers=5: each new one takes a FPGA of its own and none is free, so ask for at most 3"
    ):
        fpgas.scale(5)
    assert [worker.name for worker in fpgas.scale(2).workers] == ["w0", "w1"]
    assert [worker.device for worker in fpgas.scale(3).workers] == ["fpga", "cpu", "fpga"]
    fpgas.scale(2)


def test_more_than_there_are_is_refused(fpgas: Handle, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"workers=3 but 2 FPGA\(s\) were found.*cpu_workers=1"):
        up(tmp_path, name="many", workers=3, device="fpga")
    assert list(tmp_path.iterdir()) == []


def test_a_record_of_another_form_is_not_misread(fpgas: Handle, tmp_path: Path) -> None:
    assert fpgas._record is not None
    values = json.loads((fpgas._record.folder / "cluster.json").read_text())
    values["version"] = 1
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "cluster.json").write_text(json.dumps(values))
    assert find(tmp_path) == look(tmp_path) == ()
    with pytest.raises(ClusterError, match=r"Another version of Lepton Lab started the cluster 'old', which is up"):
        up(tmp_path, name="old", workers=1)
    assert (tmp_path / "old" / "cluster.json").exists()
    values["processes"] = [{"pid": 1, "started": -2.0}]
    (tmp_path / "old" / "cluster.json").write_text(json.dumps(values))
    _record.check_version(tmp_path / "old")  # a dead one is nobody's


def test_a_plug_in_that_raises_keeps_no_cluster_from_starting(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    site = install_plug_in(tmp_path / "site", fpga="fake_fpga:Broken", gpu="no_such_module_anywhere:Gpu")
    with importing(site), caplog.at_level(logging.WARNING, "lepton_lab"):
        with pytest.raises(InputError, match=r"no FPGA was found here.*fake_fpga:Broken.*another planet"):
            up(tmp_path, name="none", device="fpga")
        caplog.clear()
        handle = up(tmp_path, name="lab", device="auto", workers=1, memory=MEMORY)
        assert handle.client.submit(abs, -1).result() == 1
        handle.down()
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("lepton_lab")]
    assert len(lines) == 1 and lines[0].startswith("no_such_module_anywhere:Gpu, which finds devices, is left out")


def test_a_plug_in_that_tells_no_load_keeps_no_heartbeat_back(tmp_path: Path) -> None:
    site = install_plug_in(tmp_path / "site", fpga="fake_fpga:Mute")
    with importing(site):
        handle = up(tmp_path, name="lab", device="fpga", workers=1, memory=MEMORY)
        wait_until(lambda: handle.devices().devices[0].load is not None)
        board = handle.devices().devices[1]
        assert (board.name, board.load, board.temperature) == ("Fake FPGA", None, None)
        text = "\n".join(handle.logs("w0", lines=200).lines["w0"])
        assert text.count("fake_fpga:Mute can't tell the load of fpga0: OSError('no sensor')") == 1
        handle.down()


def test_gpus_of_nvidia_slices_too_beside_a_cpu_worker(tmp_path: Path) -> None:
    with importing(NVIDIA):
        handle = up(tmp_path, name="lab", device="gpu", cpu_workers=1, memory=MEMORY)
        wait_until(lambda: all(d.memory_used is not None for d in handle.devices().devices))
        table = {device.worker: device for device in handle.devices().devices if device.kind == "gpu"}
        assert [device.name for device in table.values()] == [
            "NVIDIA H200",
            "NVIDIA A100-SXM4-40GB MIG 1g.5gb",
            "NVIDIA A100-SXM4-40GB MIG 2g.10gb",
        ]
        assert (table["w0"].power, table["w0"].temperature) == (351.5, 58.0)
        assert 40 <= (table["w0"].load or 0) < 90
        assert (table["w1"].memory, table["w1"].load, table["w1"].power) == (5 * 2**30, None, None)
        seen = [environment_of(handle, f"w{i}")["CUDA_VISIBLE_DEVICES"] for i in range(4)]
        assert seen == ["GPU-11111111-aaaa", "MIG-33333333-cccc", "MIG-44444444-dddd", "-1"]
        assert [worker.device for worker in handle.workers()] == ["gpu", "gpu", "gpu", "cpu"]
        handle.down()


def test_gpus_of_amd(tmp_path: Path) -> None:
    with importing(AMD):
        handle = up(tmp_path, name="lab", device="gpu", workers=1, memory=MEMORY)
        wait_until(lambda: handle.devices().devices[1].load is not None)
        card = handle.devices().devices[1]
        assert (card.name, card.load, card.power, card.temperature) == ("AMD Instinct MI300X", 71.0, 540.0, 63.0)
        environment = environment_of(handle, "w0")
        assert (environment["ROCR_VISIBLE_DEVICES"], environment["HIP_VISIBLE_DEVICES"]) == (
            "GPU-5c88007d3f4d5f6c",
            "0",
        )
        assert environment["CUDA_VISIBLE_DEVICES"] == "-1"
        handle.down()
