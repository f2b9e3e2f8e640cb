"""Workers of another host, and a cable between the hosts that is pulled."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from lepton_lab.cluster import Handle, _reach, _tls, up
from lepton_lab.errors import ClusterError
from tests.cluster.hosts import ADDRESSES, REPOSITORY, Hosts, two_hosts, why_not
from tests.cluster.processes import expect_none_of, processes_of, wait_until

NEAR, FAR = "127.0.0.2", "127.0.0.3"
"""Addresses of this machine that stand for two hosts, where nobody need be root."""


@pytest.fixture(scope="module")
def open_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Handle]:
    """A cluster that other hosts can reach."""
    handle = up(tmp_path_factory.mktemp("open"), name="open", workers=1, threads=1, memory="400MB", host=NEAR)
    yield handle
    handle.down()


@pytest.fixture
def invitation(open_cluster: Handle, tmp_path: Path) -> Path:
    """The way in."""
    open_cluster.invite(tmp_path / "invitation.json")
    return tmp_path / "invitation.json"


def start(invitation: Path, *options: str) -> subprocess.Popen[str]:
    """Have workers join, in a process of their own."""
    command = [sys.executable, "-m", "lepton_lab.cluster.join", str(invitation), *options]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # the tests may run under nohup
    )
    _started.append(process)
    return process


_started: list[subprocess.Popen[str]] = []


@pytest.fixture(autouse=True)
def nobody_stays() -> Iterator[None]:
    """What a test started ends with it, also where it failed."""
    yield
    while _started:
        process = _started.pop()
        process.terminate()
        process.wait(15)


def test_workers_of_another_host_join_and_leave(open_cluster: Handle, invitation: Path) -> None:
    heard: list[str] = []
    stop = open_cluster.monitor(lambda event: heard.append(getattr(event, "message", "")))
    joined = start(invitation, "--workers", "2", "--threads", "1", "--memory", "300MB", "--host", FAR, "--name", "far")
    wait_until(lambda: len(open_cluster.workers()) == 3)
    found = {worker.name: (worker.host, worker.threads, worker.memory_limit) for worker in open_cluster.workers()}
    assert found["far-0"] == found["far-1"] == (FAR, 1, 300_000_000)
    assert open_cluster.client.submit(abs, -3, workers=["far-1"], pure=False).result(10) == 3
    # one that has just come may not answer the first time
    wait_until(lambda: {device.worker for device in open_cluster.devices().devices} == {"w0", "far-0", "far-1"})
    logs = open_cluster.logs(lines=5).lines
    assert set(logs) >= {"scheduler", "nanny", "w0", "far-0", "far-1"}
    assert "tls://127.0.0.3:" in " ".join(open_cluster.logs("far-1", lines=50).lines["far-1"])
    joined.send_signal(signal.SIGINT)
    out, errors = joined.communicate(timeout=15)
    assert (joined.returncode, errors) == (0, "")
    assert out.splitlines()[-1] == "The workers have left."
    wait_until(lambda: len(open_cluster.workers()) == 1)
    assert open_cluster.info().missing == ()  # they are not lost
    wait_until(lambda: any("far-1 has left" in message for message in heard))
    stop()
    assert not any("lost" in message for message in heard)


def test_they_end_with_their_cluster(tmp_path: Path) -> None:
    handle = up(tmp_path, name="brief", workers=1, threads=1, memory="300MB", host=NEAR)
    handle.invite(tmp_path / "invitation.json")
    joined = start(tmp_path / "invitation.json", "--workers", "1", "--memory", "300MB", "--name", "guest")
    wait_until(lambda: len(handle.workers()) == 2)
    handle.down()
    _, errors = joined.communicate(timeout=30)
    assert joined.returncode == 1
    assert errors.startswith("The workers have ended, since the cluster at tls://127.0.0.2:")
    expect_none_of(tmp_path)


def test_what_listens_beyond_loopback_takes_this_cluster_s_certificates_only(open_cluster: Handle) -> None:
    folder = open_cluster.info().folder
    assert folder is not None
    listening = {
        connection.laddr
        for process in processes_of(folder)
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    assert {address.ip for address in listening} == {NEAR, "127.0.0.1"}
    beyond = [address for address in listening if address.ip == NEAR]
    assert len(beyond) >= 3  # scheduler, nanny, worker
    for address in beyond:
        with socket.create_connection(address, 5) as plain:
            plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
            with suppress(ConnectionResetError):
                assert b"HTTP" not in plain.recv(100)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(address, 5) as plain, pytest.raises(ssl.SSLError, match=r"(?i)certificate"):
            with context.wrap_socket(plain) as wrapped:
                wrapped.recv(1)


def test_the_file_is_its_owner_s_alone(invitation: Path) -> None:
    assert stat.S_IMODE(invitation.stat().st_mode) == 0o600
    invitation.chmod(0o644)
    joined = start(invitation)
    _, errors = joined.communicate(timeout=30)
    assert joined.returncode == 1
    assert "can be read by others (mode 644)" in errors and len(errors.splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "can't be read as an invitation"), ('{"version": 0, "tls": {}}', "it has another form")],
)
def test_a_file_that_is_none(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    path.chmod(0o600)
    _, errors = start(path).communicate(timeout=30)
    assert message in errors and len(errors.splitlines()) == 1


def test_other_versions_are_told_before_anything_starts(invitation: Path) -> None:
    text = invitation.read_text()
    assert '"dask": "' in text
    invitation.write_text(text.replace('"dask": "', '"dask": "1.'))
    _, errors = start(invitation).communicate(timeout=30)
    assert "The versions don't fit: this host has dask" in errors


def test_a_name_that_is_taken(open_cluster: Handle, invitation: Path) -> None:
    first = start(invitation, "--workers", "1", "--memory", "300MB", "--host", FAR, "--name", "far")
    wait_until(lambda: len(open_cluster.workers()) == 2)
    _, errors = start(invitation, "--workers", "1", "--memory", "300MB", "--host", FAR, "--name", "far").communicate(
        timeout=30
    )
    assert errors == "The cluster has a worker far-0 already, perhaps of this host: give these another --name.\n"
    assert len(open_cluster.workers()) == 2
    first.send_signal(signal.SIGHUP)  # the shell went in which it was started
    assert first.communicate(timeout=15)[0].splitlines()[-1] == "The workers have left."
    wait_until(lambda: len(open_cluster.workers()) == 1)


@pytest.mark.parametrize("wait", [0.2, 0.4, 0.8])
def test_an_interrupt_while_they_start(open_cluster: Handle, invitation: Path, wait: float) -> None:
    joined = start(invitation, "--workers", "1", "--memory", "300MB", "--name", "brief")
    time.sleep(wait)
    joined.send_signal(signal.SIGINT)
    _, errors = joined.communicate(timeout=15)
    assert joined.returncode in (0, -signal.SIGINT), errors  # the latter before there was anything to end
    command = f"{tempfile.gettempdir()}/lepton-join-"
    wait_until(lambda: not [each for each in psutil.process_iter() if command in " ".join(_command(each))])
    assert not list(Path(tempfile.gettempdir()).glob("lepton-join-*"))  # with its key


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_a_cluster_that_can_not_be_reached(invitation: Path) -> None:
    values = json.loads(invitation.read_text())
    with socket.socket() as silent:
        silent.bind((NEAR, 0))  # and doesn't listen
        invitation.write_text(json.dumps({**values, "address": f"tls://{NEAR}:{silent.getsockname()[1]}"}))
        _, errors = start(invitation).communicate(timeout=30)
    assert "can't be joined; nothing listens there: the cluster has ended, or a firewall refuses." in errors
    assert len(errors.splitlines()) == 1


def test_another_cluster_at_the_same_address(open_cluster: Handle, invitation: Path, tmp_path: Path) -> None:
    _tls.make_certificates(tmp_path / "other")
    values = json.loads(invitation.read_text())
    values["tls"] = {name: (tmp_path / "other" / name).read_text() for name in values["tls"]}
    invitation.write_text(json.dumps(values))
    _, errors = start(invitation).communicate(timeout=30)
    assert "somebody else answers there" in errors and "make a new invitation" in errors
    assert len(errors.splitlines()) == 1


def test_certificates_that_are_not_good_by_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tls, "VALID_DAYS", -0.005)  # they are good from 10 minutes ago until 7 minutes ago
    tls = tmp_path / "tls"
    _tls.make_certificates(tls)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls / "scheduler.pem", tls / "scheduler.key")
    with socket.create_server((NEAR, 0)) as server:

        def answer() -> None:
            with suppress(OSError):
                context.wrap_socket(server.accept()[0], server_side=True)

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(
            ClusterError, match="by this machine's clock, certificate has expired: set the clocks right"
        ):
            _reach.check(f"tls://{NEAR}:{server.getsockname()[1]}", tls)


def test_a_cluster_on_loopback_takes_nobody_from_elsewhere(cluster: Handle, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"'shared' listens on this machine only.*--host"):
        cluster.invite(tmp_path / "x.json")
    assert not (tmp_path / "x.json").exists()


KERNEL = """
import subprocess, sys, time
from pathlib import Path
from lepton_lab.cluster import up
from lepton_lab.events import ClusterChanged

folder = Path(sys.argv[1])
handle = up(folder, name="wide", workers=1, threads=1, memory="400MB", host=sys.argv[2])
handle.monitor(lambda event: isinstance(event, ClusterChanged) and print(event.message, flush=True))
handle.workers()  # whoever is there at the first look has not joined
handle.invite(folder / "invitation.json")
print("invited", flush=True)
for line in sys.stdin:
    print(handle.client.submit(abs, int(line), pure=False, workers=["far-0"]).result(10), flush=True)
handle.down()
"""


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    """Two hosts on this machine."""
    if reason := why_not():
        pytest.skip(reason)
    with two_hosts() as made:
        yield made


def test_a_pulled_cable_is_noticed_and_the_worker_comes_back(hosts: Hosts, tmp_path: Path) -> None:
    kernel = hosts.start(0, "-c", KERNEL, str(tmp_path), ADDRESSES[0])
    kernel.expect("invited")
    far = hosts.start(
        1, "-m", "lepton_lab.cluster.join", str(tmp_path / "invitation.json"), "--workers=1", "--name=far"
    )
    try:
        kernel.expect("far-0 has joined")
        hosts.pull()
        assert kernel.expect("far-0 was lost: it can't be reached") < 30
        hosts.plug()
        assert kernel.expect("far-0 is back") < 30
        kernel.say("-7")
        kernel.expect("7")
        kernel.end()
        far.expect("The workers have ended, since the cluster at tls://10.77.0.1:")
    finally:
        kernel.process.kill()
        far.process.kill()
