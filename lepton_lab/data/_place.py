"""Which node holds which shard."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from lepton_lab.errors import InputError
from lepton_lab.types import ShardSet


def place(shards: ShardSet, nodes: Mapping[str, float]) -> ShardSet:
    """The same shards, each with the node that is to hold it. Nothing is moved or written.

    The greatest shard goes first, always to the node that would be done with its share the earliest: the least load
    after it has taken the shard, in bytes per weight (longest processing time first, Graham 1969,
    https://doi.org/10.1137/0117039).

    Parameters
    ----------
    nodes
        Name and weight: what a node can do, in any unit that is the same for all.

    Raises
    ------
    InputError
        If there is no node, or a weight is not above 0.
    """
    if not nodes:
        raise InputError("there is no node to place shards on, expected at least one: start a cluster")
    for node, weight in nodes.items():
        if not 0 < weight < math.inf:
            raise InputError(f"node {node!r} has the weight {weight}, expected a number above 0")
    load = dict.fromkeys(nodes, 0)
    held = dict.fromkeys(nodes, 0)
    placed: dict[int, str] = {}
    for part in sorted(shards.shards, key=lambda part: (-part.num_bytes, part.index)):
        done = {node: (load[node] + part.num_bytes) / weight for node, weight in nodes.items()}
        _, _, node = min((done[name], held[name], name) for name in nodes)
        load[node] += part.num_bytes
        held[node] += 1
        placed[part.index] = node
    return replace(shards, shards=tuple(replace(part, nodes=(placed[part.index],)) for part in shards.shards))
