"""Shards on real workers that look like other hosts, which come, go, and lose or damage what they have."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lepton_lab import data
from lepton_lab.cluster import attach
from lepton_lab.data import _copies
from lepton_lab.errors import ClusterError, DataError
from lepton_lab.events import Event, Progress
from lepton_lab.types import WORKSPACE as KERNEL
from lepton_lab.types import ShardSet
from tests.cluster.processes import wait_until
from tests.data.hosts import WORKSPACE, Hosts

Cut = Callable[..., ShardSet]


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """Three workers on three hosts that don't see the workspace; tests leave three of these names."""
    folder = tmp_path_factory.mktemp("hosts")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        hosts = Hosts(folder)
        hosts.start("w1", "w2", "w3")
        yield hosts
        hosts.close()


@pytest.fixture
def cut(request: pytest.FixtureRequest) -> Cut:
    """A function that cuts random rows into shards of the same size in the workspace: others for each test."""

    def cut(num_shards: int = 6, rows: int = 240, width: int = 100, replicas: int | None = None) -> ShardSet:
        name = f"d{zlib.crc32(request.node.nodeid.encode())}"
        random = np.random.default_rng(zlib.crc32(name.encode()))
        rows_ = random.random((rows, width), dtype=np.float32), np.arange(rows) % 2
        dataset = data.load(rows_, name, WORKSPACE / "data" / name, test_share=0.0)
        folder = WORKSPACE / "shards" / name
        return data.shard(dataset, folder, num_shards=num_shards, by="round_robin", replicas=replicas)

    return cut


def spread(hosts: Hosts, shards: ShardSet, **options: object) -> ShardSet:
    spread = data.spread(shards, hosts.handle.client, hosts.present, **options)  # type: ignore[arg-type]  # by name
    assert data.read_shards(shards.folder) == spread
    return spread


def copies(hosts: Hosts, shards: ShardSet, number: int) -> set[int]:
    """The shards of which there is a right copy in a host's store."""
    store = hosts.store(number)
    return {part.index for part in shards.shards if _copies.is_right(store / part.checksum, part)}


def held(shards: ShardSet) -> Counter[str]:
    return Counter(node for part in shards.shards for node in part.nodes)


def check(hosts: Hosts, shards: ShardSet) -> None:
    """Each host has the copies that the record says, and no other file."""
    for name in ("w1", "w2", "w3"):
        number = 2 + int(name[1:])
        assert copies(hosts, shards, number) == {part.index for part in shards.shards if name in part.nodes}
        assert not list(hosts.store(number).glob(".aside-*"))


def moved(shards: ShardSet) -> int:
    return sum(move.num_bytes for move in shards.moves)


def damage(folder: Path) -> None:
    """Change a byte of a shard's rows; their size stays."""
    with (folder / "x.npy").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last[0] ^ 1]))


def test_copies_go_to_hosts_that_do_not_see_the_workspace(hosts: Hosts, cut: Cut) -> None:
    told: list[Event] = []
    shards = spread(hosts, cut(), report=told.append)
    assert held(shards) == {"w1": 4, "w2": 4, "w3": 4}  # 2 of each, since there are several hosts
    assert all(len(set(part.nodes)) == 2 for part in shards.shards)
    check(hosts, shards)
    assert moved(shards) == 2 * sum(part.num_bytes for part in shards.shards)
    # the workspace's own file is read once, and the second copy comes from the first
    assert Counter(move.source == KERNEL for move in shards.moves) == {True: 6, False: 6}
    assert f"12 copies made, {moved(shards) / 1000:.1f} kB moved: workspace -> w" in str(shards)
    assert [event.fraction for event in told if isinstance(event, Progress)][-1] == 1.0
    store = hosts.store(3)
    assert store.stat().st_mode & 0o777 == 0o700


def test_nothing_to_do_costs_a_question(hosts: Hosts, cut: Cut) -> None:
    shards = spread(hosts, cut())
    record = (shards.folder / "shards.json").stat()
    told: list[Event] = []
    began = time.perf_counter()
    again = spread(hosts, shards, report=told.append)
    assert time.perf_counter() - began < 1.0  # 6 ms, on a machine that does nothing else
    assert (again, again.moves, told) == (shards, (), [])
    assert (shards.folder / "shards.json").stat().st_ino == record.st_ino


def test_who_sees_the_workspace_needs_no_copy(hosts: Hosts, cut: Cut) -> None:
    hosts.start("w7", "w8", sees=True, host=1)
    try:
        shards = spread(hosts, cut(10, replicas=2))
        assert held(shards) == dict.fromkeys(("w1", "w2", "w3", "w7", "w8"), 4)
        assert {move.target for move in shards.moves} == {"w1", "w2", "w3"}
        assert KERNEL not in {move.source for move in shards.moves}  # workers send it
        assert moved(shards) == 12 * shards.shards[0].num_bytes
        assert not hosts.store(1).exists()
        check(hosts, shards)
    finally:
        hosts.stop("w7", "w8")


def test_workers_of_a_host_share_a_copy(hosts: Hosts, cut: Cut) -> None:
    hosts.start("w4", host=3)  # where w1 is
    try:
        shards = spread(hosts, cut(4, replicas=4))
        assert held(shards) == dict.fromkeys(("w1", "w2", "w3", "w4"), 4)
        assert moved(shards) == 12 * shards.shards[0].num_bytes
    finally:
        hosts.stop("w4")


def test_one_that_joins_gets_its_share_and_no_more_moves(hosts: Hosts, cut: Cut) -> None:
    shards = spread(hosts, cut(12, replicas=1))
    assert held(shards) == {"w1": 4, "w2": 4, "w3": 4}
    hosts.start("w4")
    after = spread(hosts, shards)
    assert held(after) == dict.fromkeys(("w1", "w2", "w3", "w4"), 3)
    assert moved(after) == 3 * shards.shards[0].num_bytes
    assert {move.target for move in after.moves} == {"w4"}
    assert {move.source for move in after.moves} == {"w1", "w2", "w3"}
    check(hosts, after)  # those that gave have no copy any more
    hosts.stop("w4")
    back = spread(hosts, after)
    assert moved(back) == 3 * shards.shards[0].num_bytes
    assert {move.source for move in back.moves} == {KERNEL}  # w4 had the only copies
    assert held(back) == {"w1": 4, "w2": 4, "w3": 4}


def test_only_what_a_dead_node_held_is_copied(hosts: Hosts, cut: Cut) -> None:
    shards = spread(hosts, cut(6, replicas=2))
    hosts.stop("w2")
    shutil.rmtree(hosts.store(4))  # its disk is gone as well
    after = spread(hosts, shards)
    assert held(after) == {"w1": 6, "w3": 6}
    assert moved(after) == 4 * shards.shards[0].num_bytes
    assert {move.source for move in after.moves} == {"w1", "w3"}
    hosts.start("w2")
    again = spread(hosts, after)
    assert moved(again) == 4 * shards.shards[0].num_bytes and held(again) == {"w1": 4, "w2": 4, "w3": 4}
    check(hosts, again)


def test_a_copy_outlives_its_worker(hosts: Hosts, cut: Cut) -> None:
    shards = spread(hosts, cut())
    hosts.stop("w2")
    hosts.start("w2")
    again = spread(hosts, shards)
    assert (again, again.moves) == (shards, ())


def test_a_holder_that_dies_in_the_middle_of_a_copy(hosts: Hosts, cut: Cut, monkeypatch: pytest.MonkeyPatch) -> None:
    shards = spread(hosts, cut(1, rows=8000, width=500, replicas=2))
    first, second = shards.shards[0].nodes
    (third,) = {"w1", "w2", "w3"} - {first, second}
    monkeypatch.setattr(_copies, "BLOCK", 1 << 16)  # 250 blocks
    killed: list[str] = []
    lost, left = sorted([first, second])  # the first holder is the one that sends

    def kill(event: Event) -> None:
        if isinstance(event, Progress) and not killed and 0 < (event.fraction or 0) < 1:
            killed.append(lost)
            hosts.stop(lost)

    after = spread(hosts, replace(shards, replicas=3), report=kill)
    assert killed
    assert set(after.shards[0].nodes) == {left, third}
    assert [(move.source, move.target) for move in after.moves] == [(left, third)]
    assert "1 of them on fewer than 3 workers" in str(after)
    hosts.start(lost)
    assert moved(spread(hosts, after)) == 0  # its copy is still there
    check(hosts, data.read_shards(shards.folder))


def test_a_receiver_that_dies_in_the_middle_of_a_copy(hosts: Hosts, cut: Cut, monkeypatch: pytest.MonkeyPatch) -> None:
    shards = cut(1, rows=8000, width=500, replicas=1)
    monkeypatch.setattr(_copies, "BLOCK", 1 << 16)
    killed: list[str] = []

    def kill(event: Event) -> None:
        if isinstance(event, Progress) and not killed and 0 < (event.fraction or 0) < 1:
            killed.append("w1")
            hosts.stop("w1")

    after = spread(hosts, shards, report=kill)
    assert killed and after.shards[0].nodes == ("w2",)
    assert [(move.source, move.target) for move in after.moves] == [(KERNEL, "w2")]
    hosts.start("w1")
    assert spread(hosts, after).shards[0].nodes == ("w2",)
    left = list(hosts.store(3).glob(".aside-*"))
    assert len(left) == 1  # what it had got so far
    os.utime(left[0], (0, 0))
    spread(hosts, replace(after, replicas=3))
    check(hosts, data.read_shards(shards.folder))  # and it is swept away


def test_an_interrupt_leaves_nothing_half(hosts: Hosts, cut: Cut, monkeypatch: pytest.MonkeyPatch) -> None:
    shards = cut(1, rows=8000, width=500, replicas=1)
    with monkeypatch.context() as patch:
        patch.setattr(_copies, "BLOCK", 1 << 16)

        def interrupt(event: Event) -> None:
            if isinstance(event, Progress) and 0 < (event.fraction or 0) < 1:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            spread(hosts, shards, report=interrupt)
    wait_until(lambda: not list(hosts.store(3).glob(".aside-*")))
    assert data.read_shards(shards.folder).shards[0].nodes == ()
    check(hosts, spread(hosts, shards))


def test_a_client_that_another_thread_closes(hosts: Hosts, cut: Cut, monkeypatch: pytest.MonkeyPatch) -> None:
    shards = cut(1, rows=8000, width=500, replicas=1)
    other = attach(hosts.folder, "other", address=hosts.handle.client.scheduler.address)
    client = other.client
    with monkeypatch.context() as patch:
        patch.setattr(_copies, "BLOCK", 1 << 16)
        for _ in range(2):  # while it goes on, and before it begins
            with pytest.raises(ClusterError):
                data.spread(shards, client, hosts.present, report=lambda event: other.close())
    for left in hosts.store(3).glob(".aside-*"):
        os.utime(left, (0, 0))  # nobody could be told, so it is swept later
    check(hosts, spread(hosts, shards))


def test_a_silent_worker_is_not_waited_for(hosts: Hosts, cut: Cut, monkeypatch: pytest.MonkeyPatch) -> None:
    shards = spread(hosts, cut(6, replicas=2))
    monkeypatch.setattr("lepton_lab.data._spread.ANSWER_SECONDS", 0.5)
    hosts.stop("w2", number=signal.SIGSTOP)
    try:
        after = spread(hosts, shards)
        assert held(after) == {"w1": 6, "w3": 6}
    finally:
        hosts.stop("w2", number=signal.SIGCONT)
    check(hosts, spread(hosts, after))


def test_a_damaged_copy_is_not_sent_on(hosts: Hosts, cut: Cut) -> None:
    shards = spread(hosts, cut(1, replicas=2))
    part = shards.shards[0]
    for name in part.nodes:
        damage(hosts.store(2 + int(name[1:])) / part.checksum)
    after = spread(hosts, replace(shards, replicas=3))  # which only looks at sizes at first
    assert held(after) == {"w1": 1, "w2": 1, "w3": 1}
    assert moved(after) == 3 * part.num_bytes
    check(hosts, after)


def test_a_damaged_copy_is_made_anew(hosts: Hosts, cut: Cut) -> None:
    shards = spread(hosts, cut())
    (part, *_) = (part for part in shards.shards if "w3" in part.nodes)
    damage(hosts.store(5) / part.checksum)
    assert spread(hosts, shards).moves == ()  # sizes are looked at only
    after = spread(hosts, shards, deep=True)
    assert [(move.shard, move.target) for move in after.moves] == [(part.index, "w3")]
    check(hosts, after)


@pytest.mark.parametrize("how", ["damaged", "missing"])
def test_the_workspace_is_restored_from_a_copy(hosts: Hosts, cut: Cut, how: str) -> None:
    shards = spread(hosts, cut())
    part = shards.shards[2]
    if how == "damaged":
        damage(part.folder)
    else:
        shutil.rmtree(part.folder)
    with pytest.raises(DataError, match="data place"):
        data.open_rows(shards)
    after = spread(hosts, shards, deep=how == "damaged")
    assert after == shards
    (move,) = after.moves
    assert (move.shard, move.target) == (2, KERNEL) and move.source in part.nodes
    assert len(data.open_rows(after)) == 240
    assert sorted(path.name for path in shards.folder.iterdir()) == [
        *(f"shard-0000{n}" for n in range(6)),
        "shards.json",
    ]
    check(hosts, after)


def test_a_damaged_shard_without_a_copy(hosts: Hosts, cut: Cut) -> None:
    shards = cut()
    damage(shards.shards[1].folder)
    with pytest.raises(DataError, match=r"shard 1 of .* no worker has a copy of it: shard the data set again"):
        spread(hosts, shards)  # nobody knew before it came to a worker
    assert copies(hosts, shards, 3) <= {0, 2, 3, 4, 5}


def test_those_that_leave_give_what_they_have(hosts: Hosts, cut: Cut) -> None:
    shards = spread(hosts, cut(6, replicas=1))
    after = spread(hosts, shards, leaving={"w3"})
    assert held(after) == {"w1": 3, "w2": 3}
    assert {move.source for move in after.moves} == {"w3"} and moved(after) == 2 * shards.shards[0].num_bytes
    check(hosts, after)
    assert spread(hosts, after, leaving={"w1", "w2", "w3"}) == after  # nobody stays


def test_rows_are_opened_wherever_a_task_is(hosts: Hosts, cut: Cut) -> None:
    shards = spread(hosts, cut(3, replicas=1))

    def total(part: object) -> float:
        rows = data.open_shard(part)  # type: ignore[arg-type]  # a shard
        return float(rows.take(np.arange(len(rows)))[0].sum(dtype=np.float64))

    expected = [total(part) for part in shards.shards]
    for name in ("w1", "w2", "w3"):
        futures = hosts.handle.client.map(total, shards.shards, workers=[name], pure=False)
        assert hosts.handle.client.gather(futures) == expected
        assert copies(hosts, shards, 2 + int(name[1:])) == {0, 1, 2}  # two were fetched
    spread(hosts, shards)
    check(hosts, shards)


def test_a_shard_is_opened_from_where_it_lies_by_now(hosts: Hosts, cut: Cut) -> None:
    shards = spread(hosts, cut(1, replicas=1))
    (node,) = shards.shards[0].nodes
    (other, third) = {"w1", "w2", "w3"} - {node}
    stale = replace(shards.shards[0], nodes=(other, third))  # which gave it away since
    assert hosts.handle.client.submit(lambda: len(data.open_shard(stale)), workers=[other], pure=False).result() == 240
    spread(hosts, shards)
    check(hosts, shards)


def test_nobody_can_open_what_nobody_holds(hosts: Hosts, cut: Cut) -> None:
    shards = cut(2)
    with pytest.raises(DataError, match=r"shard 0 .* there is no copy on this host \(it is held by no worker\)"):
        hosts.handle.client.submit(data.open_shard, shards.shards[0], pure=False).result()


def test_copies_are_forgotten(hosts: Hosts, cut: Cut) -> None:
    shards = spread(hosts, cut())
    data.forget(shards, hosts.handle.client, hosts.present)
    assert not any(copies(hosts, shards, number) for number in (3, 4, 5))


def test_a_store_of_somebody_else_is_refused(hosts: Hosts, cut: Cut) -> None:
    hosts.start("w9")
    store = hosts.store(11)
    store.mkdir(mode=0o755)
    try:
        with pytest.raises(ClusterError, match=r"3 copies .* not a folder that belongs to you alone \(mode 0700\)"):
            spread(hosts, cut(3, replicas=4))
        assert list(store.iterdir()) == []
    finally:
        hosts.stop("w9")


@pytest.mark.skipif(sys.platform != "linux" or os.getuid() != 0, reason="a mount namespace of one's own takes root")
def test_a_host_of_its_own_mounts(hosts: Hosts, cut: Cut) -> None:
    shards = cut(4, replicas=1)
    folder = hosts.folder / "workspace" / "shards"  # a real path, that is empty there
    shards = data.read_shards(folder / shards.folder.name)
    mount = ["unshare", "-m", "sh", "-c", f'mount -t tmpfs none "{folder}" && exec "$@"', "sh"]
    hosts.stop("w1", "w2", "w3")
    try:
        hosts.start("w5", before=mount)
        hosts.start("w6", host=1)
        after = spread(hosts, shards)
        assert held(after) == {"w5": 2, "w6": 2}
        assert {move.target for move in after.moves} == {"w5"} and len(after.moves) == 2
        assert copies(hosts, after, 7) == {part.index for part in after.shards if "w5" in part.nodes}
    finally:
        hosts.stop("w5", "w6")
        hosts.start("w1", "w2", "w3")
    wait_until(lambda: len(hosts.present()) == 3)
