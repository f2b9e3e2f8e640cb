"""Shards of a lab: placed by its verbs, before trainings, and as workers come and go."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from distributed import get_worker

from lepton_lab import commands
from lepton_lab.data import _copies, _host, locate, open_shard
from lepton_lab.errors import ClusterError, DataError, InputError
from lepton_lab.events import Event, NamesChanged, Progress
from lepton_lab.files import read_json, write_json
from lepton_lab.lab import Lab
from lepton_lab.types import Shard, ShardSet
from tests.data.hosts import WORKSPACE, Hosts


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab with two workers on this host; tests leave two."""
    with Lab(tmp_path_factory.mktemp("own")) as lab:
        lab.cluster.up(workers=2, device="cpu", threads=1, memory="300MB")
        yield lab


@pytest.fixture
def spread_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Lab, Hosts]]:
    """A lab and the hosts of its cluster: `w1` and `w2`, which don't see the workspace."""
    monkeypatch.chdir(tmp_path)
    hosts = Hosts(tmp_path)
    try:
        hosts.start("w1", "w2")
        with Lab(WORKSPACE) as lab:
            lab.cluster._take(hosts.handle, ends_with_lab=False)
            yield lab, hosts
    finally:
        hosts.close()


def run(lab: Lab, line: str) -> ShardSet:
    result = commands.run(lab, *commands.read(line))
    assert isinstance(result, ShardSet)
    return result


def held(shards: ShardSet) -> Counter[str]:
    return Counter(node for part in shards.shards for node in part.nodes)


def test_by_a_line(own: Lab) -> None:
    own.data.load("digits")
    assert held(run(own, "%lepton data shard digits --shards 6")) == {"w0": 3, "w1": 3}  # one host: one of each
    twice = run(own, "%lepton data place digits --replicas 2")
    assert held(twice) == {"w0": 6, "w1": 6} and twice.moves == ()  # all see the workspace
    assert run(own, "%lepton data place digits") == twice
    assert held(run(own, "%lepton data shard digits --shards 2 --replicas 2")) == {"w0": 2, "w1": 2}


@pytest.mark.parametrize("verb", ["shard", "place"])
def test_more_copies_than_workers(own: Lab, verb: str) -> None:
    own.data.load("digits", name="few")
    before = own.data.shard("few")
    with pytest.raises(InputError, match=r"--replicas is 3, but the cluster has 2 .* cluster scale 3"):
        run(own, f"%lepton data {verb} few --replicas 3")
    assert before in own.data.shard_sets()


def test_what_can_not_be_placed(own: Lab, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no data set 'nothing'"):
        own.data.place("nothing")
    own.data.load("digits", name="uncut")
    with pytest.raises(InputError, match="'uncut' has no shards yet: %lepton data shard uncut"):
        own.data.place("uncut")
    alone = Lab(tmp_path)
    alone.data.load("digits")
    assert held(alone.data.shard("digits", replicas=2)) == {}  # remembered, for when there is a cluster
    assert alone.data.shard_sets()[0].replicas == 2
    with pytest.raises(ClusterError, match="No cluster is up"):
        alone.data.place("digits")
    assert alone.data.replace_lost() == ()


def test_a_record_of_the_former_form(own: Lab) -> None:
    own.data.load("digits", name="old")
    record = own.data.shard("old", shards=4).folder / "shards.json"
    values = read_json(record)
    del values["replicas"]
    for item in values["shards"]:
        item["nodes"] = ["gone"]
    write_json(record, values)
    shards = own.data.shards_for_training(own.data.get("old"))
    assert held(shards) == {"w0": 2, "w1": 2} and shards.replicas == 1


def test_shards_with_a_damaged_record_are_cut_again(own: Lab) -> None:
    own.data.load("digits", name="broken")
    record = own.data.shard("broken", shards=4).folder / "shards.json"
    record.write_text("{")
    assert held(own.data.shard("broken", shards=4)) == {"w0": 2, "w1": 2}
    record.write_text("{")
    own.data.drop("broken")
    assert not record.parent.exists()


def test_before_a_training_it_costs_little(own: Lab) -> None:
    dataset = own.data.load("digits", name="ready")
    first = own.data.shards_for_training(dataset)
    began = time.perf_counter()
    assert own.data.shards_for_training(dataset) == first
    assert time.perf_counter() - began < 1.0  # 10 ms, on a machine that does nothing else


def test_scaling_moves_what_it_must(own: Lab) -> None:
    own.data.load("digits", name="scaled")
    both = own.data.shard("scaled", shards=6, replicas=2)
    heard: list[Event] = []
    unsubscribe = own.events.subscribe(heard.append, NamesChanged)
    own.cluster.scale(1)
    (one,) = (shards for shards in own.data.shard_sets() if shards.dataset == "scaled")
    assert held(one) == {"w0": 6} and one.replicas == 2
    assert NamesChanged("shard set", "scaled", time=heard[-1].time) in heard
    own.cluster.scale(2)
    assert both in own.data.replace_lost()
    assert own.data.replace_lost() == ()
    unsubscribe()


def test_threads_place_one_after_the_other(own: Lab) -> None:
    own.data.load("digits", name="busy")
    own.data.shard("busy", shards=6)
    threads = [threading.Thread(target=own.data.replace_lost) for _ in range(3)]
    for thread in threads:
        thread.start()
    placed = own.data.place("busy", replicas=2)
    for thread in threads:
        thread.join()
    assert placed in own.data.shard_sets()


def test_what_can_not_be_placed_stops_no_other(own: Lab) -> None:
    for name in ("bad", "good"):
        own.data.load("digits", name=name)
        own.data.shard(name, shards=4, replicas=2)
    (own.data.shard_sets()[0].folder / "shard-00001" / "x.npy").unlink()
    told: list[Event] = []
    unsubscribe = own.events.subscribe(told.append, Progress)
    assert [shards.dataset for shards in own.data.leave({"w1"})].count("good") == 1
    unsubscribe()
    assert any("not placed: shard 1 of 'bad'" in getattr(event, "message", "") for event in told)
    with pytest.raises(DataError, match="no worker has a copy of it"):
        own.data.place("bad")
    own.data.drop("bad")
    assert own.data.replace_lost() != ()


def test_blocks_travel_between_workers_locked_by_tls(own: Lab) -> None:
    own.data.load("digits", name="locked")
    (part, *_) = own.data.shard("locked", shards=2).shards
    client, (source, target) = own.cluster.handle.client, own.cluster.handle.workers()
    assert source.address.startswith("tls://")
    aside = client.run(_host.begin, workers=[target.address])[target.address]
    for block in _copies.blocks(_copies.sizes(part.folder)):
        why = client.run(_host.fetch_block, aside, part, block, source.address, workers=[target.address])
        assert why == {target.address: ""}
    assert client.run(_host.settle, aside, part, workers=[target.address]) == {target.address: True}
    own.data.replace_lost()  # nobody needs that copy
    found = client.run(_host.look, (part,), True, workers=[target.address])[target.address]
    assert (found.sees, found.has) == ({part.index}, frozenset())


def total(part: Shard) -> float:
    rows = open_shard(part)
    return float(rows.take(np.arange(len(rows)))[0].sum(dtype=np.float64))


def opener(part: Shard) -> str:
    """Who opens it."""
    open_shard(part)
    return str(get_worker().name)


def test_calls_go_where_their_shards_lie(spread_lab: tuple[Lab, Hosts], tmp_path: Path) -> None:
    lab, hosts = spread_lab
    np.savez(tmp_path / "rows.npz", x=np.zeros((6000, 1000), np.float32), y=np.arange(6000) % 2)
    lab.data.load(str(tmp_path / "rows.npz"), name="large")
    parts = lab.data.shard("large", shards=6, by="round_robin", replicas=1).shards
    assert Counter(part.nodes for part in parts) == {("w1",): 3, ("w2",): 3}
    workers = {worker.name: worker.address for worker in lab.cluster.handle.workers()}
    assert locate(parts, hosts.handle.client, lab.cluster.handle.workers()) == {
        part: {workers[part.nodes[0]]} for part in parts
    }
    items = [*parts, *parts[::-1]]
    assert lab.map(opener, items) == [part.nodes[0] for part in items]
    assert {len(list(hosts.store(number).iterdir())) for number in (3, 4)} == {3}  # nothing was fetched
    hosts.start("w7", sees=True, host=1)
    try:
        assert set(lab.map(opener, items)) <= {"w1", "w2", "w7"}
    finally:
        hosts.stop("w7")


def test_no_training_where_no_worker_sees_the_workspace(spread_lab: tuple[Lab, Hosts]) -> None:
    lab, hosts = spread_lab
    lab.data.load("digits")
    with pytest.raises(InputError, match=r"No worker sees the workspace, .*: w1 and w2 don't see .*workspace, or may"):
        lab.train("mlp", "digits")
    assert lab.model.names() == lab.run.names() == ()
    assert not list(WORKSPACE.glob(".seen-*"))
    hosts.start("w7", sees=True, host=1)
    try:
        sight = lab.cluster.handle.sight(lab.workspace.folder)
        assert [worker.name for worker in sight.seeing] == ["w7"]
        with pytest.raises(
            InputError, match=r"--workers is 2, but 1 of the cluster's 3 can train here: w1 and w2 don't"
        ):
            lab.train("mlp", "digits", workers=2)
    finally:
        hosts.stop("w7")


def test_hosts_that_do_not_see_the_workspace(spread_lab: tuple[Lab, Hosts]) -> None:
    lab, hosts = spread_lab
    dataset = lab.data.load("digits")
    hosts.store(4).mkdir(mode=0o755)  # which isn't only ours
    with pytest.raises(
        ClusterError, match=r"4 copies of shards of 'digits' could not be made .*then %lepton data place"
    ):
        lab.data.shard("digits", shards=4, replicas=2)
    told: list[Event] = []
    unsubscribe = lab.events.subscribe(told.append, Progress)
    assert held(lab.data.shards_for_training(dataset)) == {"w1": 4}  # the ranks read the workspace
    unsubscribe()
    assert any("not placed" in event.message for event in told if isinstance(event, Progress))
    hosts.store(4).chmod(0o700)
    shards = run(lab, "%lepton data shard digits --shards 4")
    assert held(shards) == {"w1": 4, "w2": 4}  # several hosts: 2 of each
    assert Counter(move.target for move in shards.moves) == {"w2": 4}  # the same shards were cut, and w1 has them
    assert lab.map(total, shards.shards) == [total(part) for part in shards.shards]
    hosts.stop("w2")
    (after,) = lab.data.replace_lost()
    assert held(after) == {"w1": 4} and after.moves == ()
    hosts.start("w3")
    (again,) = lab.data.replace_lost()
    assert {(move.source, move.target) for move in again.moves} == {("w1", "w3")}
    (left,) = lab.data.leave({"w1"})
    assert held(left) == {"w3": 4} and left.moves == ()
    assert list(hosts.store(3).iterdir()) == []
    lab.data.shard("digits", shards=3)  # others take their place
    assert len(list(hosts.store(3).iterdir())) == len(list(hosts.store(5).iterdir())) == 3
    lab.data.drop("digits")
    assert list(hosts.store(3).iterdir()) == list(hosts.store(5).iterdir()) == []
