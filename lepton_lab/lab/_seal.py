"""Sealing what would run code when it is read: only what this user wrote on this machine is ever unpickled.

The seal is an HMAC-SHA-256 with a key of the user's own, beside Jupyter's data, readable by nobody else.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lepton_lab.errors import InputError
from lepton_lab.files import read_json, write_json


def seal(data: bytes) -> dict[str, str]:
    """Bytes as plain values for a JSON file, with a seal."""
    return {"data": base64.b64encode(data).decode(), "seal": mark_of(data)}


def unseal(sealed: dict[str, str]) -> bytes:
    """The bytes again.

    Raises
    ------
    InputError
        If this user didn't seal them.
    """
    data = base64.b64decode(sealed["data"])
    if not is_sealed(data, sealed["seal"]):
        raise InputError(
            "The run holds functions that somebody else wrote, or on another machine; they are not run: train again."
        )
    return data


def is_sealed(data: bytes, mark: str) -> bool:
    """Whether a seal is this user's for these bytes."""
    return hmac.compare_digest(mark_of(data), mark)


def mark_of(data: bytes) -> str:
    """The seal alone."""
    return hmac.new(_key(), data, "sha256").hexdigest()


def write_sealed(path: Path, values: Mapping[str, Any]) -> None:
    """Write a record as JSON, with a seal of all that is in it."""
    plain = json.loads(json.dumps(values))  # as it will be read: keys become texts, and tuples lists
    write_json(path, {**plain, "seal": mark_of(_told(plain))})


def read_sealed(path: Path) -> dict[str, Any] | None:
    """The record again; None if this user didn't seal it, or it was changed since.

    Raises
    ------
    OSError, ValueError
        If it can't be read.
    """
    values = read_json(path)
    mark = values.pop("seal", None) if isinstance(values, dict) else None
    return values if isinstance(mark, str) and mark.isascii() and is_sealed(_told(values), mark) else None


def _told(values: Any) -> bytes:
    return json.dumps(values, sort_keys=True).encode()


def _key() -> bytes:
    from jupyter_core.paths import jupyter_data_dir

    path = Path(jupyter_data_dir()) / "lepton_lab.key"
    try:
        return path.read_bytes()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(secrets.token_bytes(32))
    try:
        os.link(aside, path)  # unlike a rename it fails where another kernel was first
    except FileExistsError:
        pass
    finally:
        aside.unlink()
    return path.read_bytes()
