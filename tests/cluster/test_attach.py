"""Joining a cluster from another kernel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lepton_lab.cluster import Handle, attach, find, look
from lepton_lab.cluster._record import locked
from lepton_lab.errors import ClusterError
from tests.cluster.processes import Kernel, processes_of


def test_a_second_kernel_joins_and_leaves(cluster: Handle, clusters: Path) -> None:
    code = "h = attach(folder)\nprint(h.client.submit(sum, [1, 2]).result(), len(h.workers()))\nh.close()"
    kernel = Kernel(clusters, code)
    assert kernel.wait_ready() == ["3 2"]
    assert kernel.leave() == ""
    assert cluster.client.submit(abs, -4, pure=False).result() == 4


def test_find_tells_without_connecting(cluster: Handle, clusters: Path) -> None:
    (info,) = find(clusters)
    assert (info.name, info.state, len(info.workers)) == ("shared", "running", 2)
    assert info.dashboard == cluster.dashboard


def test_look_tells_of_dead_ones_and_changes_nothing(cluster: Handle, clusters: Path, tmp_path: Path) -> None:
    assert [(info.name, info.state) for info in look(clusters)] == [("shared", "running")]
    record = json.loads((clusters / "shared" / "cluster.json").read_text())
    record["name"], record["processes"] = "old", [{"pid": 1, "started": -2.0}]
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "cluster.json").write_text(json.dumps(record))
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "cluster.json").write_text("{")
    assert [(info.name, info.state) for info in look(tmp_path)] == [("old", "down")]
    assert (tmp_path / "old" / "cluster.json").exists()
    with locked(tmp_path, "old"):
        assert look(tmp_path) == ()
    assert look(tmp_path / "nothing") == ()
    assert not (tmp_path / "nothing").exists()


def test_by_address(cluster: Handle, clusters: Path) -> None:
    with pytest.raises(ClusterError, match="No Dask scheduler answers at"):
        attach(clusters, address="tcp://127.0.0.1:1")


def test_nothing_to_attach_to(tmp_path: Path, cluster: Handle, clusters: Path) -> None:
    with pytest.raises(ClusterError, match=r"There is no cluster to attach to.*cluster up"):
        attach(tmp_path)
    with pytest.raises(ClusterError, match=r"There is no cluster 'other'.*up are: shared"):
        attach(clusters, "other")


def test_a_detached_cluster_outlives_its_kernel(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, "up(folder, name='far', workers=1, detach=True, memory='300MB')")
    kernel.wait_ready()
    kernel.kill()
    (info,) = find(tmp_path)
    assert info.detached
    handle = attach(tmp_path, "far")
    assert handle.client.submit(abs, -5).result() == 5
    assert handle.info().detached
    assert [w.name for w in handle.scale(2).workers] == ["w0", "w1"]
    assert handle.down().state == "down"
    assert processes_of(tmp_path / "far") == []


def test_a_record_whose_process_ids_are_others_now_harms_nobody(tmp_path: Path) -> None:
    code = "up(folder, name='old', workers=1)\nprint((folder / 'old' / 'cluster.json').read_text())"
    kernel = Kernel(tmp_path, code)
    text = "\n".join(kernel.wait_ready())
    kernel.kill()
    bystander = Kernel(tmp_path, "pass")
    bystander.wait_ready()
    record = json.loads(text)
    record["processes"] = [{"pid": bystander.process.pid, "started": 1.0}]
    (tmp_path / "old").mkdir(exist_ok=True)
    (tmp_path / "old" / "cluster.json").write_text(json.dumps(record))
    assert find(tmp_path) == ()
    assert bystander.process.poll() is None
    assert not (tmp_path / "old").exists()
    bystander.leave()
