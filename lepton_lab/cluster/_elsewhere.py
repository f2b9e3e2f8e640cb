"""Joining a Dask cluster that somebody else started: dask-gateway, dask-jobqueue, dask-kubernetes, a plain scheduler.

Such a cluster's workers know nothing of Lepton Lab. So it is first seen whether they could run what they are sent, and
then each gets what our own workers have from their start: its load in the heartbeats, the resource that training asks
for, and the modules that are loaded ahead.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton_lab.cluster import _connect, _versions
from lepton_lab.cluster._handle import Handle
from lepton_lab.errors import ClusterError, InputError

if TYPE_CHECKING:
    from distributed import Client
    from distributed.security import Security

_TIMEOUT = 5.0
"""Seconds that a scheduler has to answer."""


@dataclass(frozen=True)
class Tls:
    """The files that a client shows a scheduler with TLS."""

    ca: str
    """The certificate of the authority that signed the scheduler's."""
    cert: str
    """The client's certificate."""
    key: str
    """Its key."""


def attach_elsewhere(address: str | Client, tls: Tls | None, name: str | None, preload: tuple[str, ...]) -> Handle:
    """See `attach`."""
    from lepton_lab.cluster import _guest

    is_lent = not isinstance(address, str)
    client = _lent(address) if is_lent else _connected(_resolved(str(address)), tls)
    try:
        notes = _versions.check(client)
        client.register_plugin(_guest.Guest(preload), name=_guest.NAME)
    except BaseException:
        if not is_lent:
            _connect.close(client)
        raise
    known = str(client.scheduler.address)
    how = {"address": known, "tls": tls or _tls_of(client.security)}
    return Handle(None, client, name=name or known, is_attached=True, how=how, notes=notes, is_lent=is_lent)


def _resolved(address: str) -> str:
    """The address that a scheduler file holds, or the address itself."""
    if "://" in address or not Path(address).is_file():
        return address
    try:
        return str(json.loads(Path(address).read_text())["address"])
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            f"address={address!r} is a file that holds no scheduler's address: give a scheduler file, or an address "
            "as in 'tcp://host:8786'."
        ) from None


def _connected(address: str, tls: Tls | None) -> Client:
    if address.startswith("gateway:"):
        raise InputError(
            f"address={address!r} is behind dask-gateway: give the notebook's variable that holds its cluster instead."
        )
    security = _security(tls)
    try:
        return _connect.connect(address, security, _TIMEOUT)
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        mend = "check the address, as in 'tcp://host:8786'"
        if address.startswith("tls:") and tls is None:
            mend = "it wants certificates: give --tls-ca, --tls-cert and --tls-key"
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise ClusterError(f"No Dask scheduler answers at {address!r} ({why}): {mend}.") from None


def _security(tls: Tls | None) -> Security | None:
    from distributed.security import Security

    if tls is None:
        return None
    for option, path in asdict(tls).items():
        if not Path(path).is_file():
            raise InputError(f"--tls-{option} is {path!r}, which is no file: give the path of a PEM file.")
    return Security(require_encryption=True, tls_ca_file=tls.ca, tls_client_cert=tls.cert, tls_client_key=tls.key)


def _tls_of(security: Any) -> Tls | None:
    """The files that a client was made with; None where it has none, or holds them in memory."""
    files = [getattr(security, name, None) for name in ("tls_ca_file", "tls_client_cert", "tls_client_key")]
    are_files = all(isinstance(file, str) and "\n" not in file for file in files)
    return Tls(*map(str, files)) if are_files else None


def _lent(given: Any) -> Client:
    """The client itself, or one of a cluster object."""
    from distributed import Client

    if isinstance(given, Client):
        return given
    if hasattr(given, "get_client"):
        return given.get_client()
    raise InputError(
        f"address is a {type(given).__name__}: give a scheduler's address, the path of a scheduler file, or a Dask "
        "client or cluster."
    )
