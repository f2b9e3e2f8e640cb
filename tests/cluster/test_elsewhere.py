"""Joining clusters that somebody else started."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client, LocalCluster

from lepton_lab.cluster import Tls, _connect, _versions, attach
from lepton_lab.cluster._worker import METRIC
from lepton_lab.errors import ClusterError, InputError
from tests.cluster.processes import wait_until


@pytest.fixture(scope="module")
def plain() -> Iterator[LocalCluster]:
    """A cluster as Dask makes it, which knows nothing of Lepton Lab."""
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0", host="127.0.0.1"
    ) as cluster:
        yield cluster


def test_by_address(plain: LocalCluster, tmp_path: Path) -> None:
    handle = attach(tmp_path, address=plain.scheduler_address)
    try:
        info = handle.info()
        assert (info.name, info.is_attached, info.notes) == (plain.scheduler_address, True, ())
        assert handle.how_to_attach(tmp_path)["address"] == plain.scheduler_address
        # what our own workers have from their start
        assert handle.client.submit(abs, -2, resources={"lepton": 1}, pure=False).result(10) == 2
        wait_until(lambda: all(METRIC in w["metrics"] for w in _connect.describe(handle.client).values()))
        wait_until(lambda: handle.devices().devices[0].load is not None)
        assert set(handle.logs(lines=3).lines) == {"scheduler", "0"}
        with pytest.raises(ClusterError, match="was not started by this lab: scale it where it was started"):
            handle.scale(2)
    finally:
        handle.close()


def test_a_worker_that_comes_later_is_a_guest_too(plain: LocalCluster, tmp_path: Path) -> None:
    handle = attach(tmp_path, "theirs", address=plain.scheduler_address)
    plain.scale(2)
    try:
        wait_until(lambda: len(handle.workers()) == 2)
        wait_until(lambda: [w["resources"] for w in _connect.describe(handle.client).values()] == [{"lepton": 1}] * 2)
    finally:
        plain.scale(1)
        handle.close()


def test_by_a_client_which_stays_its_owner_s(plain: LocalCluster, tmp_path: Path) -> None:
    with Client(plain) as client:
        handle = attach(tmp_path, address=client)
        assert handle.client is client
        handle.down()
        assert client.submit(abs, -1, pure=False).result(10) == 1


def test_by_a_cluster_object_and_by_a_scheduler_file(plain: LocalCluster, tmp_path: Path) -> None:
    handle = attach(tmp_path, address=plain)  # type: ignore[arg-type]
    assert len(handle.workers()) == 1
    handle.close()
    file = tmp_path / "scheduler.json"
    file.write_text(f'{{"address": "{plain.scheduler_address}"}}')
    handle = attach(tmp_path, address=str(file))
    assert len(handle.workers()) == 1
    handle.close()
    file.write_text("{}")
    with pytest.raises(InputError, match="is a file that holds no scheduler's address"):
        attach(tmp_path, address=str(file))


def test_with_tls_files(cluster, clusters: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    folder, address = clusters / "shared" / "tls", cluster.info().address
    tls = Tls(*(str(folder / name) for name in ("ca.pem", "client.pem", "client.key")))
    handle = attach(tmp_path, "byhand", address=address, tls=tls)
    assert [worker.name for worker in handle.workers()] == ["w0", "w1"]
    assert handle.how_to_attach(tmp_path) == {"folder": tmp_path, "name": "byhand", "address": address, "tls": tls}
    handle.close()
    with pytest.raises(ClusterError, match=r"No Dask scheduler answers.*give --tls-ca, --tls-cert and --tls-key"):
        attach(tmp_path, address=address)
    with pytest.raises(InputError, match="--tls-key is 'nowhere', which is no file"):
        attach(tmp_path, address=address, tls=Tls(tls.ca, tls.cert, "nowhere"))


def test_what_is_no_address(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="address is a int: give a scheduler's address"):
        attach(tmp_path, address=5)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="behind dask-gateway: give the notebook's variable"):
        attach(tmp_path, address="gateway://hub/abc")
    with pytest.raises(InputError, match="TLS files came without an address"):
        attach(tmp_path, tls=Tls("a", "b", "c"))


def test_versions_that_do_not_fit() -> None:
    own = _versions.versions()
    assert own["python"] == f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert _versions.compare(own, dict(own), "x") == []
    assert _versions.compare(own, own | {"numpy": "1.0"}, "the worker at h") == [
        f"the worker at h has numpy 1.0, not {own['numpy']}"
    ]
    with pytest.raises(ClusterError, match=r"don't fit: this host has python 3.9, not 3.*; dask missing, not 20"):
        _versions.compare(own, own | {"python": "3.9", "dask": ""}, "this host")


def test_workers_without_lepton_lab_are_told(tmp_path: Path) -> None:
    """A worker whose Python doesn't find the package, as on a host where nobody installed it."""
    (tmp_path / "lepton_lab").mkdir()
    (tmp_path / "lepton_lab" / "__init__.py").write_text("raise ModuleNotFoundError(\"No module named 'lepton_lab'\")")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    scheduler = tmp_path / "scheduler.json"
    common = ["--no-dashboard", "--host", "127.0.0.1", "--scheduler-file", str(scheduler)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{what}", *common, *more],
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for what, more in (("scheduler", ["--port", "0"]), ("worker", ["--no-nanny", "--nthreads", "1"]))
    ]
    try:
        wait_until(scheduler.exists)
        wait_until(lambda: _num_workers(str(scheduler)) == 1, 30)
        with pytest.raises(ClusterError, match=r"can't run Lepton Lab.*install lepton-lab \d"):
            attach(tmp_path, address=str(scheduler))
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _num_workers(scheduler: str) -> int:
    with Client(scheduler_file=scheduler, timeout=10, set_as_default=False) as client:
        return len(client.scheduler_info()["workers"])
