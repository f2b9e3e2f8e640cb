"""A file with which another host's workers may join a cluster: the scheduler's address, and a worker's certificate."""

from __future__ import annotations

import json
import stat
from dataclasses import asdict, dataclass
from pathlib import Path

from lepton_lab.cluster import _tls, _versions
from lepton_lab.cluster._record import Record
from lepton_lab.cluster._start import LOOPBACK
from lepton_lab.errors import ClusterError, InputError
from lepton_lab.files import replacing_file

VERSION = 1
"""Of the file's form."""
_FILES = ("ca.pem", "worker.pem", "worker.key")


@dataclass(frozen=True)
class Pass:
    """What the file holds."""

    cluster: str
    address: str
    """The scheduler's."""
    tls: dict[str, str]
    """The PEM files' contents, by name."""
    versions: dict[str, str]
    """Of the cluster's side."""
    preload: tuple[str, ...]


def write_pass(record: Record, path: Path) -> None:
    """Write it, to be read by this user alone.

    Raises
    ------
    ClusterError
        If nobody beyond this machine could reach the cluster.
    """
    if record.host == LOOPBACK:
        raise ClusterError(
            f"The cluster {record.name!r} listens on this machine only: start it with --host and the address by which "
            "other hosts reach this one."
        )
    tls = {name: (record.tls / name).read_text() for name in _FILES}
    held = Pass(record.name, record.address, tls, _versions.versions(), record.preload)
    with replacing_file(path) as aside:
        _tls.write(aside, json.dumps({"version": VERSION, **asdict(held)}).encode())


def read_pass(path: Path) -> Pass:
    """What such a file holds.

    Raises
    ------
    InputError
        If it is none, or others can read it.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise InputError(
                f"{path} holds a key and can be read by others (mode {mode:o}): `chmod 600 {path}`, and make a new "
                "cluster if somebody may have read it."
            )
        values = json.loads(path.read_text())
        if values.pop("version") != VERSION or set(values["tls"]) != set(_FILES):
            raise ValueError("it has another form")
        return Pass(**{**values, "preload": tuple(values["preload"])})
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise InputError(
            f"{path} can't be read as an invitation ({why}): make one with %lepton cluster invite."
        ) from None


def unpack(held: Pass, folder: Path) -> None:
    """Lay the certificates where `_tls.options` looks for them."""
    folder.mkdir(mode=0o700)
    for name, content in held.tls.items():
        _tls.write(folder / name, content.encode())
