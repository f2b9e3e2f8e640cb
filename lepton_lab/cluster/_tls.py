"""Locks for a cluster: a certificate authority of its own, and a key and certificate for each role.

Dask runs whatever code it is sent, so a port that anyone can talk to is a shell. Scheduler, workers and clients
therefore show each other certificates (mutual TLS) that this cluster's authority signed. The authority's own key is
never written: once the certificates are signed nobody can make another.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from distributed.security import Security

VALID_DAYS = 30
"""How long the certificates hold; a cluster that lives longer refuses new connections."""
WARN_DAYS = 3
"""Before their end."""
ROLES = ("scheduler", "worker", "client")


def make_certificates(folder: Path) -> None:
    """Write `ca.pem`, and `<role>.pem` and `<role>.key` for each role, all 0600 in `folder`, which is made 0700."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    folder.mkdir(mode=0o700, parents=True)
    authority = ec.generate_private_key(ec.SECP256R1())
    root = _certificate("lepton-lab authority", authority, "lepton-lab authority", authority)
    write(folder / "ca.pem", root.public_bytes(serialization.Encoding.PEM))
    for role in ROLES:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(f"lepton-lab {role}", key, "lepton-lab authority", authority)
        write(folder / f"{role}.pem", certificate.public_bytes(serialization.Encoding.PEM))
        write(
            folder / f"{role}.key",
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )


def _certificate(
    subject: str, key: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import NameOID

    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A clock that is set back a little must not make the cluster refuse its own workers.
        .not_valid_before(now - timedelta(minutes=10))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=key is signer, path_length=0 if key is signer else None), critical=True)
        .sign(signer, hashes.SHA256())
    )


def write(path: Path, content: bytes) -> None:
    """Write a new file that its owner alone can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)


def expired(folder: Path) -> str:
    """The date until which the certificates were good; empty where they still are, or are gone."""
    end = _end(folder)
    return f"{end:%Y-%m-%d %H:%M} UTC" if end is not None and end < datetime.now(UTC) else ""


def warnings(folder: Path) -> tuple[str, ...]:
    """A word to the person if the certificates won't be good for long."""
    end = _end(folder)
    if end is None or end - datetime.now(UTC) > timedelta(days=WARN_DAYS):
        return ()
    return (f"its certificates are good until {end:%Y-%m-%d %H:%M} UTC: no worker or kernel can join it later",)


def _end(folder: Path) -> datetime | None:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes()).not_valid_after_utc
    except (OSError, ValueError):
        return None


def options(folder: Path, role: str) -> dict[str, str]:
    """What `distributed.Security` takes for this role, paths only."""
    return {
        "tls_ca_file": str(folder / "ca.pem"),
        f"tls_{role}_cert": str(folder / f"{role}.pem"),
        f"tls_{role}_key": str(folder / f"{role}.key"),
    }


def client_security(folder: Path) -> Security:
    """The client's side of the lock."""
    from distributed.security import Security

    return Security(require_encryption=True, **options(folder, "client"))
