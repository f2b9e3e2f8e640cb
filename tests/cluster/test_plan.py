"""What can't be had is refused in one line, before any process is started."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lepton_lab.cluster import DEVICES, _host, _start, up
from lepton_lab.cluster._plan import WorkerPlan, make_plan, parse_memory
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


def test_an_unknown_device_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'gpu'"):
        make_plan(1, "gpus", None, None)
    assert DEVICES == ("auto", "cpu", "gpu", "tpu")


def test_a_device_that_is_not_there_is_refused_and_auto_takes_what_is() -> None:
    gpus = _host.find_gpus()
    if gpus:
        assert len(make_plan(None, "auto", None, None).workers) == len(gpus)
        assert [w.gpu for w in make_plan(None, "gpu", None, None).workers] == [gpu.uuid for gpu in gpus]
        with pytest.raises(InputError, match="each worker takes one of its own"):
            make_plan(len(gpus) + 1, "gpu", None, None)
    else:
        assert make_plan(1, "auto", None, None).device == "cpu"
        with pytest.raises(InputError, match="NVML found no GPU"):
            make_plan(1, "gpu", None, None)


def test_a_tpu_that_is_not_there_is_refused() -> None:
    assert _host.find_tpus() == ()
    with pytest.raises(InputError, match="no TPU here"):
        make_plan(None, "tpu", None, None)


def test_cores_and_memory_are_divided() -> None:
    cores, memory = _host.num_cores(), _host.memory_bytes()
    default = make_plan(None, "cpu", None, None)
    assert [w.name for w in default.workers] == [f"w{i}" for i in range(cores)]
    assert {(w.threads, w.memory, w.gpu) for w in default.workers} == {(1, memory // cores, "")}
    assert len(make_plan(None, "cpu", 2, None).workers) == max(1, cores // 2)
    assert make_plan(1, "cpu", None, None).workers[0].threads == cores


def test_a_worker_with_a_gpu_says_so_and_sees_that_one_only() -> None:
    plain, pinned = WorkerPlan("w0", 1, 10**9), WorkerPlan("w1", 1, 10**9, gpu="GPU-1a")
    assert (_start._resources(plain, "gpu"), _start._resources(pinned, "gpu")) == (
        {"lepton": 1},
        {"lepton": 1, "GPU": 1},
    )
    assert _start._resources(plain, "tpu") == {"lepton": 1, "TPU": 1}
    assert _start._environment(plain, "gpu")["CUDA_VISIBLE_DEVICES"] == "-1"
    assert _start._environment(pinned, "gpu")["CUDA_VISIBLE_DEVICES"] == "GPU-1a"


@pytest.mark.parametrize(
    ("text", "amount"),
    [("1GB", 10**9), ("512 MiB", 512 * 2**20), ("0.5gb", 5 * 10**8), ("200000000", 2 * 10**8), ("1G", 10**9)],
)
def test_memory_is_read(text: str, amount: int) -> None:
    assert parse_memory(text, 1) == amount


def test_the_variable_that_hides_gpus_is_respected() -> None:
    gpus = tuple(_host.Gpu(f"GPU-{i}a", "NVIDIA X", 1, "1.0") for i in range(3))
    assert _host._visible(gpus, None) == gpus
    assert _host._visible(gpus, "2,0") == (gpus[2], gpus[0])
    assert _host._visible(gpus, "GPU-1") == (gpus[1],)
    assert _host._visible(gpus, "-1") == ()
    assert _host._visible(gpus, "") == ()
    assert _host._visible(gpus, "0,7,1") == (gpus[0],)


def test_a_container_s_cpu_quota_counts(tmp_path: Path) -> None:
    assert _host._quota(tmp_path) == (0.0, 1.0)
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert _host._quota(tmp_path) == (0.0, 1.0)
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    assert _host._quota(tmp_path) == (150000.0, 100000.0)
