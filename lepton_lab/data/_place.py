"""Which nodes hold which shard: the least load, each copy on another host where there is one, and few moves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from lepton_lab.errors import InputError
from lepton_lab.types import Shard, ShardSet

_WORTH = 0.25
"""A shard moves if that makes the more loaded of two nodes lighter by at least this share of the shard."""


def place(
    shards: ShardSet, nodes: Mapping[str, float], *, replicas: int = 1, hosts: Mapping[str, str] | None = None
) -> ShardSet:
    """The same shards, each with the nodes that are to hold it. Nothing is moved or written.

    Copies on nodes that are still there stay. What is missing is placed, the greatest shard first, always on the node
    that would be done with its share the earliest: the least load after it has taken the shard, in bytes per weight
    (longest processing time first, Graham 1969, https://doi.org/10.1137/0117039). Then copies move from the most loaded
    nodes as long as that evens the load. What comes out stays as it is if it is placed again on the same nodes.

    Parameters
    ----------
    nodes
        Name and weight: what a node can do, in any unit that is the same for all.
    replicas
        On how many nodes each shard is to be.
    hosts
        The host of each node; without it, each node is thought to have the same.

    Raises
    ------
    InputError
        If there is no node or fewer than `replicas`, or a weight is not above 0.
    """
    if not nodes:
        raise InputError("there is no node to place shards on, expected at least one: start a cluster")
    for node, weight in nodes.items():
        if not 0 < weight < math.inf:
            raise InputError(f"node {node!r} has the weight {weight}, expected a number above 0")
    if not 1 <= replicas <= len(nodes):
        raise InputError(
            f"{replicas} replicas of each shard need as many nodes, but there are {len(nodes)}: ask for less"
        )
    placement = _Placement(shards, nodes, replicas, hosts or {})
    placement.thin_out()
    placement.fill()
    placement.even_out()
    placed = (replace(part, nodes=tuple(placement.held[part.index])) for part in shards.shards)
    return replace(shards, shards=tuple(placed))


class _Placement:
    """Who holds what while it is decided."""

    def __init__(self, shards: ShardSet, nodes: Mapping[str, float], replicas: int, hosts: Mapping[str, str]) -> None:
        self._shards = sorted(shards.shards, key=lambda part: (-part.num_bytes, part.index))
        self._nodes, self._replicas = nodes, replicas
        self._host = {node: hosts.get(node, "") for node in nodes}
        self._num_alike = replicas - min(replicas, len(set(self._host.values())))
        """How many copies of a shard must be on a host that another is on."""
        self.held = {part.index: [node for node in part.nodes if node in nodes] for part in shards.shards}
        """The nodes of each shard, by its index."""
        self._load = dict.fromkeys(nodes, 0)
        self._count = dict.fromkeys(nodes, 0)
        for part in shards.shards:
            for node in self.held[part.index]:
                self._add(part, node, 1)

    def _add(self, part: Shard, node: str, sign: int) -> None:
        self._load[node] += sign * part.num_bytes
        self._count[node] += sign

    def _time(self, node: str, more: int = 0) -> float:
        """When a node would be done with what it holds and some more bytes."""
        return (self._load[node] + more) / self._nodes[node]

    def _alike(self, held: list[str]) -> int:
        """How many of a shard's copies are on a host that another one is on."""
        return len(held) - len({self._host[node] for node in held})

    def thin_out(self) -> None:
        """Give up copies that are too many, or that must be on another host."""
        for part in self._shards:
            held = self.held[part.index]
            while len(held) > self._replicas or self._alike(held) > self._num_alike:
                hosts = [self._host[node] for node in held]
                twice = [node for node in held if hosts.count(self._host[node]) > 1]
                node = max(twice or held, key=self._time)
                held.remove(node)
                self._add(part, node, -1)

    def fill(self) -> None:
        """Place what is missing."""
        missing = [part for part in self._shards if len(self.held[part.index]) < self._replicas]
        choice = {node: sum(node not in self.held[part.index] for part in missing) for node in self._nodes}
        for part in missing:
            held = self.held[part.index]
            while len(held) < self._replicas:
                taken = {self._host[node] for node in held}
                free = [node for node in self._nodes if node not in held]
                free = [node for node in free if self._host[node] not in taken] or free
                # Of those that would do as well, the one that can take the fewest of what is missing.
                rank = {node: (self._time(node, part.num_bytes), self._count[node], choice[node]) for node in free}
                node = min(free, key=lambda node: (rank[node], node))
                held.append(node)
                self._add(part, node, 1)

    def even_out(self) -> None:
        """Move copies as long as that is worth it; each move makes the more loaded one of two nodes lighter."""
        while (move := self._move()) is not None:
            part, giver, taker = move
            held = self.held[part.index]
            held[held.index(giver)] = taker
            self._add(part, giver, -1)
            self._add(part, taker, 1)

    def _move(self) -> tuple[Shard, str, str] | None:
        """The best move from the most loaded node that has one."""
        for giver in sorted(self._nodes, key=lambda node: (-self._time(node), node)):
            takers = [node for node in self._nodes if self._time(node) < self._time(giver)]
            found = [
                (
                    # one that was placed just now hasn't moved yet
                    (giver in part.nodes, self._after(part, giver, taker), self._time(taker), part.index, taker),
                    part,
                )
                for part in self._shards
                if giver in self.held[part.index]
                for taker in takers
                if self._may_go(part, giver, taker)
            ]
            if found:
                (*_, taker), part = min(found, key=lambda each: each[0])
                return part, giver, taker
        return None

    def _after(self, part: Shard, giver: str, taker: str) -> float:
        """When the later one of the two would be done after the move."""
        return max(self._time(giver, -part.num_bytes), self._time(taker, part.num_bytes))

    def _may_go(self, part: Shard, giver: str, taker: str) -> bool:
        held = self.held[part.index]
        gain = (self._time(giver) - self._after(part, giver, taker)) * self._nodes[giver]
        if taker in held or gain <= _WORTH * part.num_bytes:
            return False
        others = [node for node in held if node != giver]
        return self._alike([*others, taker]) <= max(self._num_alike, self._alike(held))
