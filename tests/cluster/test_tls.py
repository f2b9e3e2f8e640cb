"""Nobody without this cluster's certificates gets in, and nobody from elsewhere reaches it."""

from __future__ import annotations

import gc
import os
import socket
import ssl
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from cryptography import x509

from lepton_lab.cluster import Handle, _connect, _tls, attach, up
from lepton_lab.errors import ClusterError
from tests.cluster.processes import processes_of, wait_until


def test_keys_are_the_owner_s_alone(cluster: Handle, clusters: Path) -> None:
    folder = clusters / "shared" / "tls"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((clusters / "shared").stat().st_mode) == 0o700
    names = {path.name for path in folder.iterdir()}
    assert names == {"ca.pem"} | {f"{role}.{kind}" for role in _tls.ROLES for kind in ("pem", "key")}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_certificates_expire(cluster: Handle, clusters: Path) -> None:
    for path in (clusters / "shared" / "tls").glob("*.pem"):
        left = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc - datetime.now(UTC)
        assert timedelta(days=_tls.VALID_DAYS - 1) < left <= timedelta(days=_tls.VALID_DAYS)


def test_every_listening_socket_is_on_loopback(cluster: Handle, clusters: Path) -> None:
    sockets = [
        connection.laddr.ip
        for process in processes_of(clusters / "shared")
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(sockets) >= 4
    assert set(sockets) == {"127.0.0.1"}


def test_no_key_stands_on_a_command_line(cluster: Handle, clusters: Path) -> None:
    for process in processes_of(clusters / "shared"):
        assert "PRIVATE" not in " ".join([*process.cmdline(), *process.environ().values()])


def test_no_key_stands_in_a_log_or_a_record(cluster: Handle, clusters: Path) -> None:
    files = [path for path in (clusters / "shared").rglob("*") if path.is_file() and path.parent.name != "tls"]
    assert {"cluster.json", "scheduler.log", "w0.log"} <= {path.name for path in files}
    for path in files:
        assert b"PRIVATE" not in path.read_bytes()


def test_a_client_without_a_certificate_is_refused(cluster: Handle) -> None:
    with pytest.raises((OSError, TypeError, RuntimeError)):
        _connect.connect(cluster.info().address, None, timeout=1)
    with pytest.raises(OSError):
        _connect.connect(cluster.info().address.replace("tls", "tcp"), None, timeout=1)


def test_another_authority_s_certificate_is_refused(cluster: Handle, tmp_path: Path) -> None:
    _tls.make_certificates(tmp_path / "tls")
    security = _tls.client_security(tmp_path / "tls")
    before = clients()
    with pytest.raises(OSError):
        _connect.connect(cluster.info().address, security, timeout=1)
    assert clients() == before  # nothing half-made stays


def test_expired_certificates_are_refused_and_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tls, "VALID_DAYS", 8 / 86_400)
    began = datetime.now(UTC)
    handle = up(tmp_path, name="brief", workers=1, threads=1, memory="300MB")
    try:
        info = handle.info()
        assert any("its certificates are good until" in note for note in info.notes)
        assert _tls.expired(tmp_path / "brief" / "tls") == ""
        wait_until(lambda: _tls.expired(tmp_path / "brief" / "tls"))
        assert datetime.now(UTC) - began > timedelta(seconds=7)
        with pytest.raises(OSError, match="TLS certificate"):
            _connect.connect(info.address, _tls.client_security(tmp_path / "brief" / "tls"), timeout=1)
        with pytest.raises(ssl.SSLError, match=r"(?i)expired"):
            knock(info.address, tmp_path / "brief" / "tls")
        with pytest.raises(ClusterError, match=r"does not answer at tls.*its certificates were good until 20.* UTC"):
            attach(tmp_path, "brief")
        assert handle.client.submit(abs, -1).result(5) == 1  # who is in stays in
    finally:
        handle.down()


def test_another_user_of_this_machine_cannot_read_the_keys(cluster: Handle, clusters: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("to become another user takes root")
    clusters.chmod(0o755)  # pytest makes it its own
    for path in clusters.parents:
        path.chmod(path.stat().st_mode | 0o011)
    nobody = 65534
    (ours := clusters / "open").write_text("anybody's")
    ours.chmod(0o644)
    assert read_as(nobody, ours).stdout == "anybody's"
    for name in ("client.key", "worker.key", "scheduler.key", "ca.pem"):
        tried = read_as(nobody, clusters / "shared" / "tls" / name)
        assert tried.returncode != 0 and "Permission denied" in tried.stderr, tried


def read_as(user: int, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["cat", str(path)], user=user, capture_output=True, text=True)


def knock(address: str, folder: Path) -> None:
    """Show the scheduler the client's certificate, whatever it shows itself; raises what it says to that."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(folder / "client.pem", folder / "client.key")
    host, _, port = address.removeprefix("tls://").partition(":")
    with socket.create_connection((host, int(port)), 5) as plain, context.wrap_socket(plain) as wrapped:
        wrapped.recv(1)


def clients() -> set[int]:
    from distributed import Client

    return {id(thing) for thing in gc.get_objects() if type(thing) is Client}
