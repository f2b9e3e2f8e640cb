"""A GPU's worker stays on the cores next to it, where dask-cuda is installed."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from lepton_lab.cluster import up
from lepton_lab.cluster._affinity import stay_near
from lepton_lab.cluster.devices import Found, OwnDevice
from tests.cluster.fakes.places import NVIDIA, RAPIDS
from tests.cluster.test_kinds import importing


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core leaves nothing to choose")
def test_the_worker_and_its_tasks_stay_there_and_the_others_where_they_were(tmp_path: Path) -> None:
    mine = os.sched_getaffinity(0)
    with importing(NVIDIA, RAPIDS):
        handle = up(tmp_path, name="lab", device="gpu", workers=2, cpu_workers=1, memory="300MB")
        cores = {worker: _cores(handle, worker) for worker in ("w0", "w1", "w2")}
        log = "\n".join(handle.logs("w1", lines=200).lines["w1"])
        handle.down()
    assert cores == {"w0": {min(mine)}, "w1": mine, "w2": mine}
    assert "dask-cuda can't tell the cores next to MIG-33333333-cccc: TypeError" in log


def _cores(handle: object, worker: str) -> set[int]:
    future = handle.client.submit(os.sched_getaffinity, 0, workers=[worker], pure=False)  # type: ignore[attr-defined]
    found: set[int] = future.result()
    return found


def test_nothing_happens_without_dask_cuda_or_for_another_maker_s_device() -> None:
    before = os.sched_getaffinity(0)
    stay_near(OwnDevice())
    stay_near(OwnDevice("fpga", "fake_fpga:Fpga", Found("fpga0", "Fake FPGA")))
    if importlib.util.find_spec("dask_cuda") is None:
        stay_near(OwnDevice("gpu", "lepton_lab.cluster.devices._nvidia:Nvidia", Found("GPU-1", "NVIDIA X")))
    assert os.sched_getaffinity(0) == before
