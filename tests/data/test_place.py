from collections import Counter

import numpy as np
import pytest

from lepton_lab import data
from lepton_lab.errors import InputError
from lepton_lab.types import Shard, ShardSet


def shard_set(*sizes, folder=None):
    return ShardSet("d", folder, "hash", tuple(Shard(n, folder, 1, size, "") for n, size in enumerate(sizes)))


def loads(placed):
    held = Counter()
    for shard in placed.shards:
        for node in shard.nodes:
            held[node] += shard.num_bytes
    return held


def moved(before, after):
    pairs = zip(before.shards, after.shards, strict=True)
    return sum(len(set(new.nodes) - set(old.nodes)) for old, new in pairs)


def test_100_items_in_10_shards_on_5_nodes(load_arrays, tmp_path):
    dataset = load_arrays(np.arange(100.0), np.arange(100) % 2)
    shards = data.shard(dataset, tmp_path / "shards", num_shards=10, by="round_robin")
    assert [shard.rows for shard in shards.shards] == [10] * 10
    nodes = {f"node{n}": 1.0 for n in range(5)}
    placed = data.place(shards, nodes)
    assert Counter(shard.nodes for shard in placed.shards) == {(f"node{n}",): 2 for n in range(5)}
    twice = data.place(shards, nodes, replicas=2)
    assert Counter(node for shard in twice.shards for node in shard.nodes) == dict.fromkeys(nodes, 4)
    assert all(len(set(shard.nodes)) == 2 for shard in twice.shards)
    assert moved(placed, data.place(placed, nodes, replicas=2)) == 10  # the first copies stay


def test_greatest_first():
    # Graham's example of the worst case for three nodes: 11 where 9 would do, within 4/3 - 1/9
    assert max(loads(data.place(shard_set(5, 5, 4, 4, 3, 3, 3), dict.fromkeys("abc", 1.0))).values()) == 11


def test_weights():
    placed = data.place(shard_set(*[10] * 30), {"gpu": 2.0, "cpu": 1.0})
    assert loads(placed) == {"gpu": 200, "cpu": 100}


def test_more_nodes_than_shards():
    placed = data.place(shard_set(5, 5), dict.fromkeys("abcd", 1.0))
    assert len({shard.nodes for shard in placed.shards}) == 2


def test_it_changes_nothing_else():
    shards = shard_set(1, 2, 3)
    placed = data.place(shards, {"a": 1.0})
    assert [shard.index for shard in placed.shards] == [0, 1, 2]
    assert shards == shard_set(1, 2, 3)


@pytest.mark.parametrize("nodes", [{}, {"a": 0}, {"a": 1, "b": -1}, {"a": float("nan")}, {"a": float("inf")}])
def test_refused(nodes):
    with pytest.raises(InputError, match="expected"):
        data.place(shard_set(1, 2), nodes)


HOSTS = {"a": "left", "b": "left", "c": "right"}


def test_copies_are_on_several_hosts():
    placed = data.place(shard_set(*[10] * 12), dict.fromkeys("abc", 1.0), replicas=2, hosts=HOSTS)
    assert all({HOSTS[node] for node in shard.nodes} == {"left", "right"} for shard in placed.shards)
    assert loads(placed) == {"a": 60, "b": 60, "c": 120}
    thrice = data.place(placed, dict.fromkeys("abc", 1.0), replicas=3, hosts=HOSTS)
    assert all(set(shard.nodes) == set("abc") for shard in thrice.shards)


def test_a_second_host_takes_one_copy_of_each():
    both = data.place(shard_set(*[10] * 4), dict.fromkeys("ab", 1.0), replicas=2, hosts=HOSTS)
    after = data.place(both, dict.fromkeys("abc", 1.0), replicas=2, hosts=HOSTS)
    assert loads(after) == {"a": 20, "b": 20, "c": 40} and moved(both, after) == 4


def test_fewer_copies_go_where_most_is():
    both = data.place(shard_set(*[10] * 4), dict.fromkeys("ab", 1.0), replicas=2)
    after = data.place(both, dict.fromkeys("ab", 1.0))
    assert loads(after) == {"a": 20, "b": 20} and moved(both, after) == 0


def test_only_what_a_dead_node_held_is_placed_anew():
    nodes = dict.fromkeys("abcde", 1.0)
    before = data.place(shard_set(*[10] * 10), nodes, replicas=2)
    after = data.place(before, dict.fromkeys("abcd", 1.0), replicas=2)
    assert moved(before, after) == 4 and loads(after) == dict.fromkeys("abcd", 50)


def test_one_that_joins_takes_its_share():
    before = data.place(shard_set(*[10] * 12), dict.fromkeys("abc", 1.0))
    after = data.place(before, dict.fromkeys("abcd", 1.0))
    assert moved(before, after) == 3 and loads(after) == dict.fromkeys("abcd", 30)
    strong = data.place(before, {**dict.fromkeys("abc", 1.0), "d": 3.0})
    assert moved(before, strong) == 6 and loads(strong) == {"a": 20, "b": 20, "c": 20, "d": 60}


@pytest.mark.parametrize("seed", range(5))
def test_a_placement_stays_and_changes_little(seed):
    random = np.random.default_rng(seed)
    nodes = {f"n{number}": float(random.integers(1, 4)) for number in range(7)}
    hosts = {node: f"h{number // 2}" for number, node in enumerate(nodes)}
    shards = shard_set(*random.integers(500, 1500, 60).tolist())
    placed = data.place(shards, nodes, replicas=2, hosts=hosts)
    assert data.place(placed, nodes, replicas=2, hosts=hosts) == placed
    assert all(len({hosts[node] for node in shard.nodes}) == 2 for shard in placed.shards)
    more = {**nodes, "new": 2.0}
    after = data.place(placed, more, replicas=2, hosts={**hosts, "new": "h9"})
    share = 120 * 2.0 / sum(more.values())
    assert moved(placed, after) <= 1.5 * share + 1
    times = [load / more[node] for node, load in loads(after).items()]
    assert max(times) - min(times) < 1500


def test_more_copies_than_nodes():
    with pytest.raises(InputError, match="3 replicas of each shard need as many nodes, but there are 2: ask for less"):
        data.place(shard_set(1, 2), {"a": 1.0, "b": 1.0}, replicas=3)
