"""What can't be had is refused in one line, before any process is started."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from lepton_lab.cluster import _host, device_names, up
from lepton_lab.cluster._plan import WorkerPlan, make_plan, parse_memory
from lepton_lab.cluster.devices import Found, Inventory, OwnDevice, find
from lepton_lab.errors import InputError, UnknownNameError
from tests.cluster.processes import processes_of


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"workers": 0}, "workers=0"),
        ({"workers": -2}, "workers=-2"),
        ({"workers": 1.5}, r"workers=1\.5"),
        ({"workers": True}, "workers=True"),
        ({"workers": 10**6}, "ask for at most"),
        ({"threads": 0}, "threads=0"),
        ({"cpu_workers": -1}, "cpu_workers=-1 is not a number from 0 on"),
        ({"cpu_workers": "2"}, "cpu_workers='2'"),
        ({"memory": "lots"}, "memory='lots'.*4GB"),
        ({"memory": "-1GB"}, "memory='-1GB'"),
        ({"memory": "1kB"}, "memory='1kB'"),
        ({"memory": "900TB"}, "memory='900TB'"),
        ({"name": "../x"}, r"'\.\./x' can't name a cluster"),
    ],
)
def test_bad_input_starts_nothing(tmp_path: Path, options: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        up(tmp_path, **{"name": "bad", "device": "cpu", **options})
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    assert processes_of(tmp_path) == []


@pytest.mark.parametrize("device", ["gpus", "abacus"])
def test_an_unknown_device_names_all(device: str) -> None:
    with pytest.raises(UnknownNameError, match=rf"no device '{device}'\. There are: auto, cpu, gpu, tpu"):
        make_plan(1, device, None, None)
    assert device_names()[:4] == ("auto", "cpu", "gpu", "tpu")


def test_a_device_that_is_not_there_is_refused_and_auto_takes_what_is() -> None:
    gpus = find("gpu").accelerators
    if gpus:
        assert [w.device for w in make_plan(None, "auto", None, None)] == list(gpus)
        assert [w.device for w in make_plan(None, "gpu", None, None)] == list(gpus)
        with pytest.raises(InputError, match="each worker takes one of its own"):
            make_plan(len(gpus) + 1, "gpu", None, None)
    else:
        assert [w.device.kind for w in make_plan(1, "auto", None, None)] == ["cpu"]
        with pytest.raises(InputError, match="no GPU was found here: use device='auto' or 'cpu'"):
            make_plan(1, "gpu", None, None)


def test_a_tpu_that_is_not_there_is_refused() -> None:
    assert find("tpu").accelerators == ()
    with pytest.raises(InputError, match="no TPU was found here"):
        make_plan(None, "tpu", None, None)


def test_cores_and_memory_are_divided() -> None:
    cores, memory = _host.num_cores(), _host.memory_bytes()
    default = make_plan(None, "cpu", None, None)
    assert [w.name for w in default] == [f"w{i}" for i in range(cores)]
    assert {(w.threads, w.memory, w.device.kind) for w in default} == {(1, memory // cores, "cpu")}
    assert len(make_plan(None, "cpu", 2, None)) == max(1, cores // 2)
    assert make_plan(1, "cpu", None, None)[0].threads == cores


@pytest.mark.parametrize(
    ("options", "kinds", "threads"),
    [
        ({}, "ggg", [5, 5, 5]),
        ({"workers": 2}, "gg", [8, 8]),
        ({"cpu_workers": 1}, "gggc", [4, 4, 4, 4]),
        ({"workers": 1, "cpu_workers": 4}, "gcccc", [3, 3, 3, 3, 3]),
        ({"cpu_workers": 3}, "gggccc", [2, 2, 2, 3, 3, 3]),
        ({"cpu_workers": 3, "threads": 1}, "gggccc", [1] * 6),
        ({"device": "auto", "workers": 5}, "gggcc", [3, 3, 3, 3, 3]),
        ({"device": "cpu", "cpu_workers": 2}, "cc", [8, 8]),
        ({"device": "cpu", "workers": 1, "cpu_workers": 1}, "cc", [8, 8]),
    ],
)
def test_cpu_workers_stand_beside_those_of_devices(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], kinds: str, threads: list[int]
) -> None:
    gpus = tuple(OwnDevice("gpu", "x:Y", Found(f"GPU-{i}", "NVIDIA X")) for i in range(3))
    monkeypatch.setattr("lepton_lab.cluster._plan._host.num_cores", lambda: 16)
    monkeypatch.setattr(
        "lepton_lab.cluster._plan.devices.find",
        lambda kind: Inventory(gpus if kind == "gpu" else (), OwnDevice()),
    )
    arguments = {"workers": None, "device": "gpu", "threads": None, "memory": None, **options}
    plan = make_plan(**arguments)
    assert [w.name for w in plan] == [f"w{i}" for i in range(len(kinds))]
    assert "".join(w.device.kind[0] for w in plan) == kinds
    assert [w.threads for w in plan] == threads
    assert {w.memory for w in plan} == {_host.memory_bytes() // len(kinds)}
    assert [w.device for w in plan if w.device.kind == "gpu"] == list(gpus[: kinds.count("g")])
    with pytest.raises(InputError, match="at most 3, and for CPU workers beside them by cpu_workers=2"):
        make_plan(5, "gpu", None, None)


def test_a_plan_comes_back_from_its_record() -> None:
    plan = WorkerPlan("w0", 2, 10**9, OwnDevice("gpu", "x:Y", Found("GPU-1", "NVIDIA X", 5), {"A": "b"}))
    plain = json.loads(json.dumps(asdict(plan)))
    assert WorkerPlan.from_plain(plain) == plan
    assert WorkerPlan.from_plain(asdict(WorkerPlan("w1", 1, 2, OwnDevice()))).device.found is None


@pytest.mark.parametrize(
    ("text", "amount"),
    [("1GB", 10**9), ("512 MiB", 512 * 2**20), ("0.5gb", 5 * 10**8), ("200000000", 2 * 10**8), ("1G", 10**9)],
)
def test_memory_is_read(text: str, amount: int) -> None:
    assert parse_memory(text, 1) == amount


def test_room_is_left_for_the_most_that_adapting_may_bring() -> None:
    fixed, adapted = make_plan(4, "cpu", None, None), make_plan(None, "cpu", None, None, 0, (2, 4))
    assert adapted == fixed[:2]
    assert make_plan(3, "cpu", 1, "300MB", 0, (1, 4)) == make_plan(3, "cpu", 1, "300MB")


@pytest.mark.parametrize(("workers", "cpu_workers"), [(5, 0), (1, 0), (None, 1)])
def test_what_does_not_go_with_adapting(workers: int | None, cpu_workers: int) -> None:
    with pytest.raises(InputError, match="doesn't go with adapt='2:4'"):
        make_plan(workers, "cpu", 1, "300MB", cpu_workers, (2, 4))
