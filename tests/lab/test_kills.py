"""Workers and schedulers that are killed at random while calls are made."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest

from lepton_lab.cluster import look
from lepton_lab.errors import ClusterError
from lepton_lab.lab import Lab
from tests.cluster.processes import expect_none_of, processes_of, wait_until

AT_ONCE = 4
"""Kills during one map, so that a machine on which workers start slowly completes some, too."""
WORKERS = 3


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("kills", "schedulers"), [(12, 2), pytest.param(30, 5, marks=pytest.mark.soak)])
def test_random_kills(kills: int, schedulers: int, tmp_path: Path) -> None:
    """Every call's result arrives exactly once, or the map says in one line why there is none.

    Some of what is killed are schedulers, after which a cluster is started anew.
    """

    def work(item: int) -> int:  # as in a notebook: it goes by value, and needs no module
        time.sleep(0.03)
        return item

    chance = random.Random(11)
    scheduler_turns = set(chance.sample(range(kills), schedulers))
    complete = refused = 0
    folder = tmp_path / "cluster" / "lab"
    with Lab(tmp_path) as lab:
        lab.cluster.up(workers=WORKERS, threads=1, memory="300MB")
        turn = 0
        while turn < kills:
            ended = threading.Event()
            outcome: list[object] = []

            def one_map(ended: threading.Event = ended, outcome: list[object] = outcome) -> None:
                try:
                    outcome.append(lab.map(work, range(150)))
                except BaseException as error:
                    outcome.append(error)
                ended.set()

            threading.Thread(target=one_map, daemon=True).start()
            is_scheduler, last = False, min(turn + AT_ONCE, kills)
            while not ended.wait(chance.uniform(0.1, 0.9)) and turn < last and not is_scheduler:
                is_scheduler = turn in scheduler_turns
                turn += kill(folder, chance, is_scheduler)
            assert ended.wait(60), "the map neither ended nor failed"
            if isinstance(outcome[0], list):
                assert outcome[0] == list(range(150))
                complete += 1
            else:
                assert isinstance(outcome[0], ClusterError), outcome[0]
                assert "\n" not in str(outcome[0])
                assert is_scheduler  # workers' deaths alone never end a map
                refused += 1
            if is_scheduler:
                assert lab.cluster.status().state == "down"
                expect_none_of(folder)
                lab.cluster.up(workers=WORKERS, threads=1, memory="300MB")
            check_record(lab, folder)
        assert 0 < refused <= schedulers  # one that is killed just after the last result ends nothing
        assert complete >= kills // 10
    expect_none_of(folder)
    assert look(tmp_path / "cluster") == ()


def kill(folder: Path, chance: random.Random, is_scheduler: bool) -> int:
    """Kill a worker's process, or the scheduler's; gives how many were."""
    processes = json.loads((folder / "cluster.json").read_text())["processes"]
    if is_scheduler:
        victims = [processes[0]["pid"]]
    else:  # the children of what holds them
        victims = [child.pid for process in processes[1:] for child in psutil.Process(process["pid"]).children()]
    try:
        os.kill(chance.choice(victims), signal.SIGKILL)
    except (ProcessLookupError, IndexError):
        return 0  # it is just being started again
    return 1


def check_record(lab: Lab, folder: Path) -> None:
    """What stands on disk is so: these processes live, these workers come back."""
    record = json.loads((folder / "cluster.json").read_text())
    assert record["address"] == lab.cluster.handle.info().address
    for process in record["processes"]:
        assert psutil.pid_exists(process["pid"])
    names = {worker["name"] for worker in record["workers"]}
    wait_until(lambda: {worker.name for worker in lab.cluster.handle.workers()} == names, 30)
    (found,) = look(folder.parent)
    assert (found.name, found.state, len(found.workers)) == ("lab", "running", WORKERS)
    assert {process.pid for process in processes_of(folder)} >= {process["pid"] for process in record["processes"]}
