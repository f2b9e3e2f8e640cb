"""The lab's cluster: whose it is, and what is done about one that has died."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lepton_lab.cluster import Handle, _adapt, attach, find, up
from lepton_lab.errors import ClusterError, InputError
from lepton_lab.events import ClusterChanged
from lepton_lab.lab import Lab
from tests.cluster.processes import expect_none_of, processes_of, wait_until


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A lab without a cluster; its clusters lie in `tmp_path/cluster`."""
    with Lab(tmp_path) as lab:
        yield lab


def start(lab: Lab) -> Handle:
    """The handle of a cluster that is started for the lab."""
    lab.cluster.up(workers=1, device="cpu", threads=1, memory="300MB")
    return lab.cluster.handle


def kill_scheduler(handle: Handle) -> None:
    assert handle._record is not None
    os.kill(handle._record.processes[0].pid, signal.SIGKILL)
    wait_until(lambda: not handle.is_alive)


def stop_scheduler(handle: Handle, number: signal.Signals) -> None:
    """With SIGSTOP it doesn't answer, with SIGCONT it does again."""
    assert handle._record is not None
    os.kill(handle._record.processes[0].pid, number)


class TestDeadCluster:
    def test_up_starts_another(self, lab: Lab, tmp_path: Path) -> None:
        first = start(lab)
        kill_scheduler(first)
        assert len(lab.cluster.up(workers=2, device="cpu", threads=1, memory="300MB").workers) == 2
        assert lab.cluster.handle is not first
        with pytest.raises(
            ClusterError, match=r"'lab' is up already: end it with .* scale N\. .*--workers \(it has 2,"
        ):
            lab.cluster.up()
        settings: dict[str, Any] = {"device": "cpu", "threads": 1, "memory": "300MB"}
        handle, again = lab.cluster.handle, lab.cluster.up(workers=2, **settings)
        assert lab.cluster.handle is handle and "it was up already, with the same settings" in str(again)
        with pytest.raises(ClusterError, match=r"differ in --memory \(it has 300MB, asked for is the default\)\."):
            lab.cluster.up(workers=2, **{**settings, "memory": None})
        lab.cluster.scale(1)
        assert "scaled since: %lepton cluster scale 2 takes" in str(lab.cluster.up(workers=2, **settings))
        assert "same settings" in str(lab.cluster.up(workers=1, **settings)) and lab.cluster.handle is handle
        with pytest.raises(ClusterError, match="'lab' is up already: end it first"):
            lab.cluster.attach()
        assert lab.cluster.down().state == "down"
        assert processes_of(tmp_path / "cluster" / "lab") == []

    def test_everything_else_says_that_none_is_up(self, lab: Lab, tmp_path: Path) -> None:
        heard: list[ClusterChanged] = []
        kill_scheduler(start(lab))
        lab.events.subscribe(lambda event: heard.append(event), ClusterChanged)  # type: ignore[arg-type]  # by kind
        assert lab.status().cluster.state == "down"
        assert not lab.cluster.is_up
        assert lab.names("worker") == ()
        assert [event.state for event in heard] == ["down"]
        for use in (lambda: lab.cluster.handle, lab.cluster.devices, lab.cluster.logs, lab.cluster.down):
            with pytest.raises(ClusterError, match="No cluster is up: start one"):
                use()
        with pytest.raises(ClusterError, match="There is no cluster to attach to"):
            lab.cluster.attach()
        assert processes_of(tmp_path / "cluster" / "lab") == []

    def test_data_are_sharded_without_it(self, lab: Lab) -> None:
        kill_scheduler(start(lab))
        lab.data.load("digits")
        assert len(lab.data.shard("digits", shards=2).shards) == 2

    def test_down_clears_it_away(self, lab: Lab, tmp_path: Path) -> None:
        kill_scheduler(start(lab))
        assert lab.cluster.down().state == "down"
        assert processes_of(tmp_path / "cluster" / "lab") == []
        assert not (tmp_path / "cluster" / "lab").exists()

    def test_a_new_one_of_the_same_name_is_left_alone(self, lab: Lab, tmp_path: Path) -> None:
        first = start(lab)
        attach(tmp_path / "cluster").down()  # as another kernel would
        other = up(tmp_path / "cluster", name="lab", workers=1, device="cpu", memory="300MB")
        with pytest.raises(ClusterError, match="ended by another kernel already"):
            first.down()
        lab.cluster.close()
        assert other.info().state == "running"
        other.down()


class TestOtherClusters:
    def test_one_that_lives_or_died_is_ended_by_name(self, lab: Lab, tmp_path: Path) -> None:
        other = up(tmp_path / "cluster", name="lab", workers=1, device="cpu", memory="300MB")
        assert lab.names("cluster") == ("lab",)
        assert lab.cluster.down("lab").state == "down"
        assert not other.is_alive
        assert processes_of(tmp_path / "cluster" / "lab") == []
        kill_scheduler(up(tmp_path / "cluster", name="lab", workers=1, device="cpu", memory="300MB"))
        assert lab.cluster.others()[0].state == "down"
        lab.cluster.down("lab")
        assert lab.cluster.others() == ()
        assert processes_of(tmp_path / "cluster" / "lab") == []
        with pytest.raises(ClusterError, match=r"There is no cluster 'lab' to end\."):
            lab.cluster.down("lab")

    def test_ones_own_by_its_name(self, lab: Lab) -> None:
        start(lab)
        with pytest.raises(ClusterError, match="There is no cluster 'far' to end; there are: lab"):
            lab.cluster.down("far")
        assert lab.cluster.is_up
        assert lab.cluster.down("lab").state == "down"
        assert not lab.cluster.is_up


class TestWhoEndsIt:
    def test_one_that_was_attached_stays_up(self, lab: Lab, tmp_path: Path) -> None:
        owner = up(tmp_path / "cluster", name="lab", workers=1, device="cpu", memory="300MB")
        info = lab.cluster.attach()
        assert "ends with the kernel that started it" in str(info)
        assert "ends with the kernel that started it" in str(lab.cluster.status())
        assert "ends with this kernel" in str(owner.info())
        lab.close()
        assert not lab.cluster.is_up
        assert owner.info().state == "running"
        owner.down()

    def test_one_that_was_started_ends(self, lab: Lab, tmp_path: Path) -> None:
        assert "ends with this kernel" in str(start(lab).info())
        lab.close()
        assert find(tmp_path / "cluster") == ()

    def test_a_detached_one_that_does_not_answer_stays_up(self, lab: Lab, tmp_path: Path) -> None:
        lab.cluster.up(workers=1, device="cpu", memory="300MB", detach=True)
        handle = lab.cluster.handle
        stop_scheduler(handle, signal.SIGSTOP)
        try:
            lab.close()
        finally:
            stop_scheduler(handle, signal.SIGCONT)
        assert [info.name for info in find(tmp_path / "cluster")] == ["lab"]
        assert "outlives this kernel" in str(lab.cluster.attach())
        lab.cluster.down()


class TestAdapting:
    def test_workers_come_with_work_and_go_without(self, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_adapt, "PATIENCE", 2.0)
        info = lab.cluster.up(threads=1, memory="300MB", adapt="1:3", device="cpu")
        assert len(info.workers) == 1
        futures = lab.cluster.handle.client.map(_nap, range(60), pure=False)
        wait_until(lambda: len(lab.cluster.status().workers) == 3, 30)
        lab.cluster.handle.client.cancel(futures)
        wait_until(lambda: len(lab.cluster.status().workers) == 1, 30)

    def test_a_map_brings_workers(self, lab: Lab) -> None:
        lab.cluster.up(threads=1, memory="300MB", adapt="1:2", device="cpu")
        assert lab.map(_nap, range(30)) == [None] * 30
        assert [share.worker for share in lab.schedule().workers] == ["w0", "w1"]

    def test_scaling_by_hand_ends_it_and_adapt_begins_it(self, lab: Lab, tmp_path: Path) -> None:
        lab.cluster.up(workers=1, threads=1, memory="300MB", device="cpu")
        lab.cluster.adapt("2:3")
        wait_until(lambda: len(lab.cluster.status().workers) == 2, 30)
        assert lab.cluster.handle.bounds == (2, 3)
        lab.cluster.scale(1)
        assert lab.cluster.handle.bounds is None
        assert len(lab.cluster.status().workers) == 1

    def test_another_kernel_goes_on_with_it(self, lab: Lab, tmp_path: Path) -> None:
        lab.cluster.up(threads=1, memory="300MB", adapt="1:2", detach=True, device="cpu")
        with Lab(tmp_path) as other:
            other.cluster.attach()
            assert other.cluster.handle.bounds == (1, 2)
        lab.cluster.down()


def _nap(_: int) -> None:
    time.sleep(0.5)


class TestIdle:
    def test_a_cluster_without_work_ends_itself(self, lab: Lab, tmp_path: Path) -> None:
        lab.cluster.up(workers=1, threads=1, memory="300MB", idle_timeout="2s", device="cpu")
        expect_none_of(tmp_path / "cluster" / "lab", 40)
        assert lab.cluster.status().state == "down"

    @pytest.mark.parametrize("text", ["soon", "0 s", "-3 min"])
    def test_what_is_no_time(self, lab: Lab, text: str) -> None:
        with pytest.raises(InputError, match=r"idle_timeout=.* is not a time: write it like '30 min'"):
            lab.cluster.up(idle_timeout=text)


class TestElsewhere:
    def test_a_host_that_is_not_ours(self, lab: Lab) -> None:
        with pytest.raises(InputError, match=r"host='192.0.2.1' is not an address of this machine"):
            lab.cluster.up(host="192.0.2.1")
        with pytest.raises(InputError, match=r"host='0.0.0.0' stands for every address"):
            lab.cluster.up(host="0.0.0.0")

    def test_an_invitation_says_what_to_do_with_it(self, lab: Lab, tmp_path: Path) -> None:
        lab.cluster.up(workers=1, threads=1, memory="300MB", host="127.0.0.2", device="cpu")
        invitation = lab.cluster.invite(tmp_path / "invitation.json")
        assert "python -m lepton_lab.cluster.join invitation.json" in str(invitation)
        assert "PRIVATE" not in str(invitation)

    def test_tls_files_go_together(self, lab: Lab) -> None:
        with pytest.raises(InputError, match="--tls-ca, --tls-cert and --tls-key go together"):
            lab.cluster.attach(address="tls://127.0.0.1:1", tls_ca="x.pem")


def test_all_clusters_of_the_workspace(lab: Lab, tmp_path: Path) -> None:
    assert lab.cluster.list().rows == ()
    start(lab)
    handle = up(tmp_path / "cluster", name="other", workers=1, threads=1, memory="300MB", device="cpu")
    kill_scheduler(handle)
    assert [row[:3] for row in lab.cluster.list().rows] == [("lab", "connected", 1), ("other", "down", 1)]
    lab.cluster.down("other")
    assert [row[0] for row in lab.cluster.list().rows] == ["lab"]
