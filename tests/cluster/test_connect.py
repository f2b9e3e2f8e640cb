"""Asking workers, of which some don't answer."""

from __future__ import annotations

import os
import socket
import time

import pytest

from lepton_lab.cluster import Handle, _connect


def _pid_unless(name: str, dask_worker: object) -> int:
    if getattr(dask_worker, "name", "") == name:
        raise ValueError("not here")
    return os.getpid()


def test_who_is_gone_or_fails_is_left_out(cluster: Handle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_connect, "ANSWER_SECONDS", 1.0)
    addresses = {worker.name: worker.address for worker in cluster.workers()}
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        gone = f"tls://127.0.0.1:{closed.getsockname()[1]}"  # bound, and nobody listens
        began = time.monotonic()
        told = _connect.ask(cluster.client, _pid_unless, [*addresses.values(), gone], "w1")
        assert time.monotonic() - began < 4  # Dask tries for 30 s
    assert list(told) == [addresses["w0"]] and told[addresses["w0"]] != os.getpid()
    assert _connect.ask(cluster.client, os.getpid, []) == {}
