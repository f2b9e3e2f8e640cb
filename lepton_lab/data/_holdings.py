"""Which worker can open which shard, as the workers said and as copies were made since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from lepton_lab.data._host import Held
from lepton_lab.types import Shard, ShardSet, WorkerInfo

Store = tuple[str, str]
"""Host and folder: workers of the same store hold the same copies."""


class Holdings:
    """What the workers hold of one set of shards.

    Parameters
    ----------
    held
        What each worker said.
    """

    def __init__(self, held: Mapping[WorkerInfo, Held] | None = None) -> None:
        self._held = dict(held or {})
        self._by_name = {info.name: info for info in self._held}
        self._copies = {self.store(info): set(held.has) for info, held in self._held.items()}

    @property
    def workers(self) -> tuple[WorkerInfo, ...]:
        """Those that said something."""
        return tuple(self._held)

    def store(self, info: WorkerInfo) -> Store:
        """The store of a worker's host."""
        return info.host, self._held[info].store

    def add(self, info: WorkerInfo, part: Shard) -> None:
        """A copy has come to a worker's store."""
        self._copies[self.store(info)].add(part.index)

    def has(self, info: WorkerInfo, part: Shard) -> bool:
        """Whether a worker can open a shard."""
        return part.index in self._held[info].sees or part.index in self._copies[self.store(info)]

    def holders(self, part: Shard) -> list[WorkerInfo]:
        """The workers that can open a shard."""
        return [info for info in self._held if self.has(info, part)]

    def with_copies(self, part: Shard) -> list[WorkerInfo]:
        """The workers that have a shard in their stores."""
        return [info for info in self._held if part.index in self._copies[self.store(info)]]

    def lacking(self, part: Shard) -> list[WorkerInfo]:
        """A worker of each store that needs a copy, so that all nodes of a shard can open it."""
        lacking = [self._by_name[name] for name in part.nodes if not self.has(self._by_name[name], part)]
        return list({self.store(info): info for info in lacking}.values())

    def nodes(self, part: Shard, before: Shard) -> tuple[str, ...]:
        """The nodes that were to hold a shard and do, then as many of those that held it before as it takes."""
        names = [name for name in dict.fromkeys([*part.nodes, *before.nodes]) if name in self._by_name]
        return tuple(name for name in names if self.has(self._by_name[name], part))[: len(part.nodes)]

    def unneeded(self, shards: ShardSet) -> dict[WorkerInfo, set[int]]:
        """The copies that no node of these shards needs, by index and by a worker that can remove them."""
        needed = defaultdict(set)
        for part in shards.shards:
            for info in [self._by_name[name] for name in part.nodes if name in self._by_name]:
                if part.index not in self._held[info].sees:
                    needed[self.store(info)].add(part.index)
        at = {self.store(info): info for info in self._held}
        return {at[store]: gone for store, copies in self._copies.items() if (gone := copies - needed[store])}
