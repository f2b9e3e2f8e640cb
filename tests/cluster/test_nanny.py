"""Workers that die are started again, and it is said why they died."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lepton_lab.cluster import Handle, up
from lepton_lab.cluster._nanny import _kills_for_memory
from lepton_lab.events import ClusterChanged, Event
from tests.cluster.processes import expect_none_of, wait_until


@pytest.fixture(scope="module")
def frail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Handle]:
    """Two workers with little memory, to be killed."""
    handle = up(tmp_path_factory.mktemp("frail"), name="frail", workers=2, threads=1, memory="250MB")
    yield handle
    handle.down()


@pytest.fixture
def heard(frail: Handle) -> Iterator[Callable[[], list[str]]]:
    """What is said of workers that come and go."""
    events: list[Event] = []
    stop = frail.monitor(events.append)
    yield lambda: [event.message for event in events if isinstance(event, ClusterChanged)]
    stop()


def again(frail: Handle, name: str, losses: int) -> bool:
    return any(worker.name == name and worker.losses == losses for worker in frail.info().workers)


def test_a_killed_worker(frail: Handle, heard: Callable[[], list[str]]) -> None:
    (address,) = [worker.address for worker in frail.workers() if worker.name == "w0"]
    (pid,) = frail.client.run(os.getpid, workers=[address]).values()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: again(frail, "w0", 1))
    wait_until(lambda: any("w0 was lost" in message for message in heard()))
    assert any("it was killed by SIGKILL" in message for message in heard())
    assert "w0 died once: it was killed by SIGKILL" in str(frail.info())
    assert frail.info().missing == ()


def test_the_devices_of_one_that_is_back_are_seen_at_a_glance(frail: Handle, heard: Callable[[], list[str]]) -> None:
    (address,) = [worker.address for worker in frail.workers() if worker.name == "w0"]
    (pid,) = frail.client.run(os.getpid, workers=[address]).values()
    os.kill(pid, signal.SIGKILL)

    def is_back() -> bool:
        info = frail.glance()
        found = [worker for worker in info.workers if worker.name == "w0" and worker.address != address]
        return bool(found) and {device.worker for device in info.devices.devices} == {"w0", "w1"}

    wait_until(is_back)


def test_a_worker_that_uses_up_its_memory(frail: Handle, heard: Callable[[], list[str]]) -> None:
    future = frail.client.submit(_eat, workers=["w1"], pure=False, retries=0)
    wait_until(lambda: any("w1 was lost" in message for message in heard()), 30)
    future.cancel(force=True)
    assert any("it ran out of memory: more than 95 % of 250.0 MB" in message for message in heard())
    wait_until(lambda: any(worker.name == "w1" for worker in frail.workers()))
    assert "w1 died" in str(frail.info())


def _eat() -> None:
    import time

    held = []
    while True:
        held.append(bytearray(os.urandom(1_000_000)) * 10)
        time.sleep(0.05)


def test_the_system_s_kills_are_counted(tmp_path: Path) -> None:
    (tmp_path / "vmstat").write_text("nr_free_pages 1\noom_kill 17\nother 3\n")
    assert _kills_for_memory(tmp_path / "vmstat") == 17
    assert _kills_for_memory(tmp_path / "none") == 0


def test_workers_whose_nannies_died_come_back(tmp_path: Path) -> None:
    handle = up(tmp_path, name="orphans", workers=2, threads=1, memory="250MB")
    stop = handle.monitor(lambda event: None)
    try:
        before = json.loads((tmp_path / "orphans" / "cluster.json").read_text())["processes"]
        os.kill(before[1]["pid"], signal.SIGKILL)
        wait_until(lambda: len(handle.workers()) < 2)
        wait_until(lambda: len(handle.workers()) == 2, 30)
        after = json.loads((tmp_path / "orphans" / "cluster.json").read_text())["processes"]
        assert after[0] == before[0] and len(after) == 2 and after[1] != before[1]
        assert handle.client.map(abs, [-1, -2], pure=False)[1].result(10) == 2
    finally:
        stop()
        handle.down()
    expect_none_of(tmp_path)
