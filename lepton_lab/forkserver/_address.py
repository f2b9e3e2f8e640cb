"""Where the fork server of this user and environment is found."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
from pathlib import Path

from lepton_lab.errors import LeptonError

_kept: Path | None = None


def folder() -> Path:
    """The folder with the server's socket, lock and log; made with mode 0700, and refused if it is another user's.

    It lies below the system's temporary folder, since a socket's path may have no more than 107 characters.
    """
    if _kept is not None:
        return _kept
    key = hashlib.blake2b(f"{sys.prefix}\0{Path(__file__).parent}".encode(), digest_size=6).hexdigest()
    path = Path(tempfile.gettempdir()) / f"lepton-lab-{os.getuid()}-{key}"
    path.mkdir(mode=0o700, exist_ok=True)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise LeptonError(
            f"{path} is not a folder that belongs to you alone (mode 0700), so TensorFlow can't be run through it: "
            "remove it, or point TMPDIR at a folder of your own."
        )
    return path


def socket_path() -> Path:
    """The server's socket."""
    return folder() / "socket"


def lock_path() -> Path:
    """Held while the server is started, and while it decides to end."""
    return folder() / "lock"


def log_path() -> Path:
    """What the server itself wrote, such as a failing import of TensorFlow."""
    return folder() / "server.log"


def scratch_path(pid: int) -> Path:
    """A child's own folder for temporary files, which the server removes when the child has ended, however it did."""
    return folder() / f"scratch-{pid}"


def use_scratch() -> None:
    """Have this process, a child, make its temporary files there; TensorFlow leaves one for each function it traces."""
    global _kept
    _kept = folder()
    scratch = scratch_path(os.getpid())
    scratch.mkdir(mode=0o700, exist_ok=True)
    tempfile.tempdir = str(scratch)
