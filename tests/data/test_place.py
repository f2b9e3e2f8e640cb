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
        held[shard.nodes[0]] += shard.num_bytes
    return held


def test_100_items_in_10_shards_on_5_nodes(load_arrays, tmp_path):
    dataset = load_arrays(np.arange(100.0), np.arange(100) % 2)
    shards = data.shard(dataset, tmp_path / "shards", num_shards=10, by="round_robin")
    assert [shard.rows for shard in shards.shards] == [10] * 10
    placed = data.place(shards, {f"node{n}": 1.0 for n in range(5)})
    assert Counter(shard.nodes for shard in placed.shards) == {(f"node{n}",): 2 for n in range(5)}


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
