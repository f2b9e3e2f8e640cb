"""Each worker's load once a second, training processes included."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path
from statistics import median

import psutil
import pytest

from lepton_lab.cluster import Handle
from lepton_lab.cluster._load import PERIOD, Sampler, _disk
from lepton_lab.cluster._monitor import STALE, loads
from lepton_lab.events import Event, WorkerLoad
from tests.cluster.processes import wait_until


def spin(seconds: float) -> None:
    """Use one core."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def test_every_worker_is_heard_each_second_while_it_computes(cluster: Handle) -> None:
    busy = cluster.client.submit(spin, 4.0, workers=["w0"], pure=False)
    heard: list[Event] = []
    stop = cluster.monitor(heard.append)
    time.sleep(4.0)
    stop()
    busy.result()
    events = [event for event in heard if isinstance(event, WorkerLoad)]
    counts = Counter(event.worker for event in events)
    assert set(counts) == {"w0", "w1"} and min(counts.values()) >= 3
    assert max(event.cpu_percent for event in events if event.worker == "w0") > 25
    assert all(event.memory > 10_000_000 and event.memory_limit == 500_000_000 for event in events)
    before = len(heard)
    time.sleep(1.2)
    assert len(heard) == before, "nothing is heard after the end"


def test_it_is_in_the_table_of_devices(cluster: Handle) -> None:
    def loads() -> list[float | None]:
        return [device.load for device in cluster.devices().devices if device.kind == "cpu"]

    wait_until(lambda: len(loads()) == 2 and None not in loads())
    assert all(load is not None and 0 <= load <= 100 for load in loads())


def test_the_sampler_costs_little() -> None:
    sampler = Sampler()
    sampler()
    times = []
    for _ in range(20):
        sampler._time = 0.0  # as though a second had passed
        began = time.thread_time()
        sampler()
        times.append(time.thread_time() - began)
    assert median(times) < 0.01


def test_the_sampler_measures_this_process() -> None:
    sampler = Sampler()
    sampler()
    spin(1.0)
    load = sampler()
    assert load["cpu"] > 30
    assert load["memory"] == pytest.approx(psutil.Process(os.getpid()).memory_full_info().pss, rel=0.2)
    assert sampler() is load, "a second call within the period gives the same sample"


def test_the_sampler_measures_disks(tmp_path: Path) -> None:
    sampler = Sampler()
    sampler()
    with (tmp_path / "big").open("wb") as stream:
        stream.write(b"x" * 20_000_000)
        os.fsync(stream.fileno())
    time.sleep(PERIOD)
    load = sampler()
    assert load["disk_write"] > 1_000_000 or not is_on_disk(tmp_path)
    assert load["disk_read"] >= 0


def is_on_disk(folder: Path) -> bool:
    """Whether the system counts what is written there: a file system in memory has no disk."""
    before = psutil.Process().io_counters().write_bytes
    (folder / "small").write_bytes(b"x" * 1_000_000)
    return bool(psutil.Process().io_counters().write_bytes > before)


def test_a_process_whose_disk_counters_are_hidden_counts_none() -> None:
    class Hidden:
        def io_counters(self) -> None:
            raise psutil.AccessDenied(1)

    assert _disk(Hidden()) == _disk(object()) == (0, 0)


def test_the_tasks_of_each_worker_are_told(cluster: Handle) -> None:
    heard: list[WorkerLoad] = []
    stop = cluster.monitor(lambda event: heard.append(event))  # type: ignore[arg-type]  # it tells loads
    busy = [cluster.client.submit(spin, 3.0, key=f"spin-{i}", workers=["w0"], pure=False) for i in range(3)]
    wait_until(lambda: any(load.worker == "w0" and load.tasks.get("executing") == 1 for load in heard))
    assert any(load.worker == "w0" and load.tasks.get("ready", 0) >= 1 for load in heard)
    cluster.client.cancel(busy)
    stop()


def test_a_stale_load_is_not_told() -> None:
    load = {
        "time": 100.0,
        "cpu": 1.0,
        "memory": 2,
        "read": 0.0,
        "write": 0.0,
        "disk_read": 0.0,
        "disk_write": 7.0,
        "accelerators": [{"kind": "gpu", "name": "NVIDIA X", "utilization": 50.0, "temperature": 61.0}],
    }
    metrics = {"lepton": load, "task_counts": {"memory": 3}}
    workers = {"a": {"name": "w0", "memory_limit": 9, "metrics": metrics}, "b": {"name": "w1", "metrics": {}}}
    (event,) = loads(workers, 101.0)
    assert (event.worker, event.memory_limit, event.accelerators[0].utilization) == ("w0", 9, 50.0)
    assert (event.accelerators[0].temperature, event.accelerators[0].power) == (61.0, None)
    assert (event.tasks, event.disk_write_bps) == ({"memory": 3}, 7.0)
    assert loads(workers, 101.0 + STALE) == []
