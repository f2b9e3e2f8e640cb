"""Shards follow workers that come and go, some seconds later."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lepton_lab.lab import Lab, _settle
from lepton_lab.lab._settle import Settler
from tests.cluster.processes import wait_until


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(_settle, "WAIT_SECONDS", 0.3)
    yield


def test_once_for_several_things_that_happen() -> None:
    called: list[float] = []
    settler = Settler(lambda: called.append(time.monotonic()))
    for _ in range(5):
        settler()
        time.sleep(0.05)
    began = time.monotonic()
    wait_until(lambda: called)
    assert time.monotonic() - began > 0.1
    time.sleep(0.5)
    assert len(called) == 1


def test_again_for_what_happens_meanwhile_and_never_twice_at_once() -> None:
    at_once, most, done = [0], [0], [0]
    turn = threading.Lock()

    def settle() -> None:
        with turn:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        time.sleep(0.6)
        with turn:
            at_once[0] -= 1
            done[0] += 1

    settler = Settler(settle)
    settler()
    wait_until(lambda: at_once[0])
    settler()
    wait_until(lambda: done[0] == 2)
    assert most[0] == 1


def test_stopped() -> None:
    called: list[bool] = []
    settler = Settler(lambda: called.append(True))
    settler()
    settler.stop()
    time.sleep(0.6)
    assert not called


def test_a_worker_that_comes_gets_its_share_by_itself(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        lab.cluster.up(workers=1, threads=1, memory="300MB", device="cpu")
        lab.data.load("digits")
        lab.data.shard("digits", shards=6)
        lab.cluster.scale(2)
        wait_until(lambda: {shard.nodes for shard in lab.data.shard_sets()[0].shards} == {("w0",), ("w1",)}, 20)
