"""The port that a scheduler is given."""

from __future__ import annotations

import socket

import pytest

from lepton_lab.cluster._start import LOOPBACK, held_port


def test_a_held_port_is_nobody_elses_but_dasks() -> None:
    with held_port(LOOPBACK) as port, socket.socket() as other, socket.socket() as dask:
        with pytest.raises(OSError, match="in use"):
            other.bind((LOOPBACK, port))
        dask.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Dask's listener does
        dask.bind((LOOPBACK, port))
        dask.listen()
