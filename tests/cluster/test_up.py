"""Starting a cluster, and what it is when it is up."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from lepton_lab.cluster import Handle, _connect, find, up
from lepton_lab.errors import ClusterError
from lepton_lab.events import ClusterChanged, Event, Progress
from tests.cluster.processes import Kernel, expect_none_of, processes_of, wait_until


def test_it_works_and_says_what_it_is(cluster: Handle, clusters: Path) -> None:
    assert cluster.client.submit(sum, [1, 2, 3]).result() == 6
    info = cluster.info()
    assert (info.name, info.state, info.detached) == ("shared", "running", False)
    assert info.folder == clusters / "shared"
    assert info.address.startswith("tls://127.0.0.1:")
    assert [(w.name, w.threads, w.memory_limit, w.host) for w in info.workers] == [
        ("w0", 1, 500_000_000, "127.0.0.1"),
        ("w1", 1, 500_000_000, "127.0.0.1"),
    ]
    assert cluster.workers() == info.workers


def test_each_worker_has_the_resource_that_training_asks_for(cluster: Handle) -> None:
    assert cluster.client.submit(abs, -1, resources={"lepton": 1}, pure=False).result() == 1
    found = [worker["resources"] for worker in _connect.describe(cluster.client).values()]
    assert found == [{"lepton": 1}, {"lepton": 1}]


def test_progress_is_told_from_the_start(cluster: Handle, start_events: list[Event]) -> None:
    first = start_events[0]
    assert isinstance(first, Progress) and first.task == "cluster up" and first.fraction == 0.0
    messages = [event.message for event in start_events if isinstance(event, Progress)]
    assert {"certificates", "scheduler", "worker 2 of 2"} <= set(messages)
    assert [(e.state, e.num_workers) for e in start_events if isinstance(e, ClusterChanged)][:2] == [
        ("starting", 0),
        ("running", 2),
    ]


def test_a_second_of_the_same_name_is_refused(cluster: Handle, clusters: Path) -> None:
    before = len(processes_of(clusters))
    with pytest.raises(ClusterError, match=r"'shared' is up already.*cluster attach shared.*cluster down"):
        up(clusters, name="shared", workers=1)
    assert len(processes_of(clusters)) == before
    assert [info.name for info in find(clusters)] == ["shared"]


def test_a_worker_that_is_killed_comes_back(cluster: Handle) -> None:
    address = cluster.workers()[1].address
    (pid,) = cluster.client.run(os.getpid, workers=[address]).values()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: [w.name for w in cluster.workers() if w.address != address] == ["w0", "w1"])
    wait_until(lambda: None not in [device.load for device in cluster.devices().devices if device.kind == "cpu"])
    assert cluster.client.submit(abs, -2, workers=["w1"], pure=False).result() == 2


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path) -> None:
    code = """
try:
    def report(event):
        if getattr(event, 'message', '') == 'connecting':
            signal.raise_signal(signal.SIGINT)
    up(folder, name='broken', workers=1, report=report)
except KeyboardInterrupt:
    print('interrupted', (folder / 'broken').exists())
"""
    kernel = Kernel(tmp_path, code)
    assert kernel.wait_ready() == ["interrupted False"]
    assert [p for p in processes_of(tmp_path) if p.pid != kernel.process.pid] == []
    assert kernel.leave() == ""


def test_a_worker_that_cannot_start_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="worker process ended while it started") as caught:
        up(tmp_path, name="broken", workers=1, preload=("no_such_module_anywhere",))
    assert "\n" not in str(caught.value)
    assert processes_of(tmp_path) == []
    assert not (tmp_path / "broken").exists()


class TestEndOfKernel:
    """A cluster ends with its kernel, however that ends, unless it is detached."""

    def test_a_killed_kernel_leaves_no_process(self, tmp_path: Path) -> None:
        # A forked child of the kernel that goes on must not keep the cluster up.
        code = """
up(folder, name='lab', workers=2)
if os.fork() == 0:
    time.sleep(60)
    os._exit(0)
"""
        kernel = Kernel(tmp_path, code)
        kernel.wait_ready()
        assert len(find(tmp_path)) == 1
        assert len(processes_of(tmp_path / "lab")) >= 4  # scheduler, nannies, two workers
        kernel.kill()
        expect_none_of(tmp_path / "lab", seconds=45)  # before the forked child ends
        wait_until(lambda: find(tmp_path) == (), 5)  # what is just dying has no command line any more
        assert not (tmp_path / "lab").exists()

    def test_a_kernel_that_ends_normally_does_so_silently(self, tmp_path: Path) -> None:
        kernel = Kernel(tmp_path, "up(folder, name='lab', workers=1)")
        kernel.wait_ready()
        assert kernel.leave() == ""
        expect_none_of(tmp_path / "lab")

    def test_a_kernel_killed_while_it_starts_a_cluster_leaves_no_process(self, tmp_path: Path) -> None:
        code = """
def report(event):
    if getattr(event, 'message', '') == 'connecting':
        os.kill(os.getpid(), signal.SIGKILL)
up(folder, name='lab', workers=2, report=report)
"""
        kernel = Kernel(tmp_path, code)
        assert kernel.process.wait(30) == -signal.SIGKILL
        expect_none_of(tmp_path / "lab")

    def test_two_clusters_of_one_process_are_independent(self, tmp_path: Path, cluster: Handle) -> None:
        other = up(tmp_path, name="other", workers=1)
        began = time.monotonic()
        other.down()
        assert time.monotonic() - began < 3.0
        assert cluster.client.submit(abs, -3, pure=False).result() == 3
