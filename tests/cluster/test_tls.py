"""Nobody without this cluster's certificates gets in, and nobody from elsewhere reaches it."""

from __future__ import annotations

import gc
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from cryptography import x509

from lepton_lab.cluster import Handle, _connect, _tls
from tests.cluster.processes import processes_of


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


def clients() -> set[int]:
    from distributed import Client

    return {id(thing) for thing in gc.get_objects() if type(thing) is Client}
