"""A cluster in use: its devices, its logs, its dashboard, its end."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from lepton_lab.cluster import Handle, _dashboard, _host, up
from lepton_lab.errors import ClusterError, InputError, UnknownNameError
from tests.cluster.processes import Kernel, processes_of


def test_devices(cluster: Handle) -> None:
    cpus = [device for device in cluster.devices().devices if device.kind == "cpu"]
    assert [(cpu.worker, cpu.units, cpu.memory) for cpu in cpus] == [
        (name, _host.num_cores(), 500_000_000) for name in ("w0", "w1")
    ]
    assert all(cpu.name for cpu in cpus)
    assert cluster.info().devices.devices[0].name == cpus[0].name


def test_workers_are_all_there_while_the_client_renews_what_it_keeps(cluster: Handle) -> None:
    """Dask's client replaces its cached answer by one without workers every 2 s; here without end."""
    client, over = cluster.client, threading.Event()

    def renew() -> None:
        while not over.is_set():
            client.sync(client._update_scheduler_info)

    thread = threading.Thread(target=renew)
    thread.start()
    try:
        assert {len(cluster.workers()) for _ in range(300)} == {2}
    finally:
        over.set()
        thread.join()


def test_logs_are_each_process_s_own(cluster: Handle) -> None:
    cluster.client.run(print, "hello from a worker", workers=[cluster.workers()[1].address])
    logs = cluster.logs(lines=200).lines
    assert list(logs)[:2] == ["scheduler", "nanny"] and {"w0", "w1"} <= set(logs)
    assert any("Scheduler at" in line for line in logs["scheduler"])
    assert any("Start Nanny" in line for line in logs["nanny"])
    assert "hello from a worker" in logs["w1"]
    assert list(cluster.logs("w0", lines=3).lines) == ["w0"]
    assert len(cluster.logs("w0", lines=3).lines["w0"]) == 3


def test_logs_of_nobody_name_the_nearest(cluster: Handle) -> None:
    with pytest.raises(UnknownNameError, match=r"'w11'.*Did you mean 'w1'"):
        cluster.logs("w11")
    with pytest.raises(InputError, match="lines=0"):
        cluster.logs(lines=0)


def test_the_dashboard_answers_and_offers_no_way_on(cluster: Handle) -> None:
    assert cluster.info().dashboard == cluster.dashboard
    with urllib.request.urlopen(cluster.dashboard, timeout=20) as answer:
        assert b"bokeh" in answer.read().lower()
    address = cluster.dashboard.replace("/status", "/proxy/22/127.0.0.1/")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(address, timeout=20)


def test_the_dashboard_s_link_goes_through_the_hub_s_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEPTON_BASE_URL", raising=False)
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ann/")
    assert _dashboard.link(4711) == "/user/ann/proxy/4711/status"
    assert _dashboard.plain_link(4711) == "http://127.0.0.1:4711/status"


def test_down_is_quick_and_silent_and_the_second_says_so(tmp_path: Path) -> None:
    code = """
from lepton_lab.errors import ClusterError
handle = up(folder, name='lab', workers=2)
busy = handle.client.submit(time.sleep, 60)
stop = handle.monitor(lambda event: None)
time.sleep(0.3)
began = time.monotonic()
print(handle.down().state, time.monotonic() - began < 3, (folder / 'lab').exists(), handle.info().state)
for use in (handle.down, handle.workers, handle.logs, lambda: handle.scale(2)):
    try:
        use()
    except ClusterError as error:
        print(error)
time.sleep(0.5)
"""
    kernel = Kernel(tmp_path, code)
    lines = kernel.wait_ready()
    assert lines[0] == "down True False down"
    assert lines[1] == "The cluster 'lab' is down already: start one with `%lepton cluster up`."
    assert lines[2:] == ["The cluster 'lab' is down: start one with `%lepton cluster up`."] * 3
    assert processes_of(tmp_path / "lab") == []
    assert kernel.leave() == ""


def test_a_cluster_whose_scheduler_died_is_down_and_can_be_started_again(tmp_path: Path) -> None:
    handle = up(tmp_path, name="lab", workers=1)
    assert handle._record is not None
    os.kill(handle._record.processes[0].pid, signal.SIGKILL)
    time.sleep(0.1)
    assert handle.info().state == "down"
    handle.close()
    again = up(tmp_path, name="lab", workers=1)
    assert again.info().state == "running"
    again.down()
    assert processes_of(tmp_path / "lab") == []


def test_one_whose_folder_was_removed_says_so_and_is_ended(tmp_path: Path) -> None:
    handle = up(tmp_path, name="uprooted", workers=1, device="cpu", threads=1, memory="300MB")
    assert processes_of(tmp_path / "uprooted")
    shutil.rmtree(tmp_path)
    with pytest.raises(ClusterError, match=r"'uprooted' is up, but its folder .* was removed.*%lepton cluster down"):
        handle.how_to_attach(tmp_path)
    handle.down()
    assert processes_of(tmp_path / "uprooted") == []
