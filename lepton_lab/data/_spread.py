"""Shards brought to the nodes that are to hold them: the kernel's side.

The kernel asks each worker what it can open, decides who is to hold what (`place`), and conducts the copying a block at
a time: the worker that is to have a copy fetches each block straight from one that has it. So nothing waits longer than
a block may take, whatever dies meanwhile, and what failed is tried from another holder or, in the next round, on the
workers that are there then. No copy goes before those that replace it are verified and recorded.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import shutil
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton_lab.data import _copies
from lepton_lab.data._copies import ANSWER_SECONDS, BLOCK_SECONDS
from lepton_lab.data._place import place
from lepton_lab.data._shard import save_shards
from lepton_lab.display import size
from lepton_lab.errors import ClusterError, DataError
from lepton_lab.events import Progress, Report, ignore
from lepton_lab.files import checksum
from lepton_lab.types import WORKSPACE, Move, Shard, ShardSet, WorkerInfo

if TYPE_CHECKING:
    from distributed import Client

_READ_BPS = 20e6
"""Bytes per second at which a checksum is made at least."""
_ROUNDS = 3
_REPORT_SECONDS = 0.2


def spread(
    shards: ShardSet,
    client: Client,
    present: Callable[[], Sequence[WorkerInfo]],
    *,
    leaving: Collection[str] = (),
    deep: bool = False,
    report: Report = ignore,
) -> ShardSet:
    """Have as many nodes as are wanted hold each shard, evenly, and as few bytes moved as that takes.

    A node holds a shard if it sees its files in the workspace, or has a copy in its host's store. Files that the
    workspace lacks are restored from a copy. Where fewer nodes are there than copies are wanted, each has one.

    Parameters
    ----------
    present
        Gives the workers that there are now.
    leaving
        Names of workers that give away what they have.
    deep
        Whether to compare all checksums, of the workspace's files and of the copies, rather than only the sizes.

    Returns
    -------
    The shards as they lie now, and what was moved. Their record is written.

    Raises
    ------
    DataError
        If the workspace lacks a shard of which nobody has a copy.
    ClusterError
        If copies could not be made; those that were are recorded, and no other is removed.
    """
    work = _Spreading(shards, client, leaving, deep)
    for _ in range(_ROUNDS):
        _conduct(client, work.round(present()), lambda: work.tell(report))
        if not work.failures:
            break
    if (work.shards.shards, work.shards.replicas) != (shards.shards, shards.replicas):
        save_shards(work.shards)
    if work.failures:
        raise ClusterError(
            f"{len(work.failures)} copies of shards of {shards.dataset!r} could not be made ({work.failures[0]}): see "
            f"%lepton cluster status, then %lepton data place {shards.dataset}."
        )
    _conduct(client, work.clear(), lambda: None)
    work.tell(report)
    return work.shards


def forget(shards: ShardSet, client: Client, present: Callable[[], Sequence[WorkerInfo]]) -> None:
    """Remove all copies of these shards from the hosts' stores; a worker that doesn't answer keeps its own."""
    work = _Spreading(shards, client, (), False)
    _conduct(client, work.forget(present()), lambda: None)


def _conduct(client: Client, work: Coroutine[Any, Any, None], tell: Callable[[], None]) -> None:
    """Wait for work on the client's loop; an interrupt ends it."""
    future = asyncio.run_coroutine_threadsafe(work, client.loop.asyncio_loop)
    try:
        while not concurrent.futures.wait([future], _REPORT_SECONDS).done:
            tell()
        future.result()
    except BaseException:
        future.cancel()
        raise


@dataclass
class _Node:
    """A worker and what it can open."""

    info: WorkerInfo
    held: _copies.Held

    @property
    def place(self) -> tuple[str, str]:
        """Workers of the same store hold the same copies."""
        return self.info.host, self.held.store


class _Spreading:
    """One `spread`."""

    def __init__(self, shards: ShardSet, client: Client, leaving: Collection[str], deep: bool) -> None:
        self.shards = replace(shards, moves=())
        self.failures: list[str] = []
        """Why copies could not be made in the last round."""
        self._client, self._leaving, self._deep = client, leaving, deep
        self._nodes: dict[str, _Node] = {}
        self._copies: dict[tuple[str, str], set[int]] = {}
        """The shards of which each store has a copy, by place."""
        self._turns: dict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        """A store gets one copy at a time."""
        self._sent = Counter[str]()
        self._done = self._total = 0
        """Bytes."""
        self._told = -1

    def tell(self, report: Report) -> None:
        """Report how far the copying is, if it is further than the last time."""
        if self._total and self._done != self._told:
            self._told = self._done
            message = f"copied {size(self._done)} of {size(self._total)}"
            report(Progress(f"data place {self.shards.dataset}", message, min(1.0, self._done / self._total)))

    async def round(self, workers: Sequence[WorkerInfo]) -> None:
        """See what is where, place the shards, and make the copies that are missing."""
        self.failures = []
        await self._look(workers)
        if await self._restore():
            await self._look(workers)
        staying = [node for name, node in self._nodes.items() if name not in self._leaving]
        if not staying:
            return
        hosts = {node.info.name: node.info.host for node in staying}
        wanted = self.shards.replicas or (2 if len(set(hosts.values())) > 1 else 1)
        weights = {node.info.name: float(node.info.threads) for node in staying}
        before = {part.index: part.nodes for part in self.shards.shards}
        target = place(self.shards, weights, replicas=min(wanted, len(staying)), hosts=hosts)
        missing = {part.index: self._missing(part) for part in target.shards}
        self._total = self._done + sum(part.num_bytes * len(missing[part.index]) for part in target.shards)
        await asyncio.gather(*(self._bring(part, missing[part.index]) for part in target.shards))
        parts = tuple(replace(part, nodes=self._holders(part, before[part.index])) for part in target.shards)
        self.shards = replace(self.shards, shards=parts)

    async def _look(self, workers: Sequence[WorkerInfo]) -> None:
        num_bytes = sum(part.num_bytes for part in self.shards.shards)
        seconds = ANSWER_SECONDS + (num_bytes / _READ_BPS if self._deep else 0.0)
        asked = (self._ask(info, _copies.look, self.shards.shards, self._deep, seconds=seconds) for info in workers)
        answers = await asyncio.gather(*asked, return_exceptions=True)
        found = zip(workers, answers, strict=True)
        self._nodes = {info.name: _Node(info, held) for info, held in found if isinstance(held, _copies.Held)}
        if workers and not self._nodes:
            raise ClusterError(f"No worker says which shards it has ({answers[0]!r}): see %lepton cluster status.")
        self._copies = {node.place: set(node.held.has) for node in self._nodes.values()}

    async def _restore(self) -> bool:
        """Make the workspace whole again, from copies; says whether there was anything to do."""
        broken = [part for part in self.shards.shards if not await self._is_whole(part)]
        self._total += sum(part.num_bytes for part in broken)
        for part in broken:
            sources = [node for node in self._nodes.values() if part.index in self._copies[node.place]]
            if not await self._copy_from_any(part, sources, None):
                raise DataError(
                    f"shard {part.index} of {self.shards.dataset!r} is missing or damaged in {part.folder}, and no "
                    "worker has a copy of it: shard the data set again"
                )
        return bool(broken)

    async def _is_whole(self, part: Shard) -> bool:
        if not _copies.is_whole(part.folder, part):
            return False
        if not self._deep:
            return True
        return await asyncio.to_thread(checksum, *_copies.files_in(part.folder)) == part.checksum

    def _has(self, node: _Node, index: int) -> bool:
        return index in node.held.sees or index in self._copies[node.place]

    def _missing(self, part: Shard) -> list[_Node]:
        """A node of each store that is to have a copy and has none."""
        nodes = [self._nodes[name] for name in part.nodes]
        return list({node.place: node for node in nodes if not self._has(node, part.index)}.values())

    def _holders(self, part: Shard, before: Sequence[str]) -> tuple[str, ...]:
        """The nodes that were to hold a shard and do, then as many of those that held it as it takes."""
        names = [name for name in dict.fromkeys([*part.nodes, *before]) if name in self._nodes]
        return tuple(name for name in names if self._has(self._nodes[name], part.index))[: len(part.nodes)]

    async def _bring(self, part: Shard, nodes: Sequence[_Node]) -> None:
        """One after the other, so that the second copy comes from the first."""
        for node in nodes:
            sources = [other for other in self._nodes.values() if self._has(other, part.index)]
            async with self._turns[node.place]:
                if await self._copy_from_any(part, sorted(sources, key=lambda n: self._sent[n.info.name]), node):
                    self._copies[node.place].add(part.index)

    async def _copy_from_any(self, part: Shard, sources: Sequence[_Node], target: _Node | None) -> bool:
        """Copy a shard to a node, or to the workspace, from the first that manages to send it whole."""
        # The workspace's own file is read here only where no worker can send it.
        why = ""
        for source in [*sources, *([None] if target is not None else [])]:
            names = [node.info.name if node is not None else WORKSPACE for node in (source, target)]
            try:
                if await self._copy(part, source, target):
                    move = Move(part.index, names[0], names[1], part.num_bytes)
                    self.shards = replace(self.shards, moves=(*self.shards.moves, move))
                    return True
                why = f"shard {part.index} of {names[0]} has another checksum"
                self._deep = True  # so that the next round throws it away
            except (OSError, DataError) as error:
                why = f"shard {part.index} from {names[0]} to {names[1]}: {type(error).__name__}: {error}"
        self.failures += [why] if target is not None else []
        return False

    async def _copy(self, part: Shard, source: _Node | None, target: _Node | None) -> bool:
        """Copy a shard; says whether it came as it was written."""
        files = _copies.sizes(part.folder) if source is None else await self._ask(source.info, _copies.measure, part)
        if sum(files.values()) != part.num_bytes or not set(files) <= set(_copies.FILES):
            return False
        patience = BLOCK_SECONDS + part.num_bytes / _READ_BPS
        aside = (
            _copies.make_aside(part.folder.parent) if target is None else await self._ask(target.info, _copies.begin)
        )
        done = self._done
        try:
            for name, offset in _copies.blocks(files):
                self._sent[source.info.name if source is not None else WORKSPACE] += _copies.BLOCK
                await self._send(part, name, offset, source, target, aside)
                self._done += min(_copies.BLOCK, files[name] - offset)
            if target is None:
                return await asyncio.to_thread(_copies.put, Path(aside), part, part.folder)
            seconds = BLOCK_SECONDS + part.num_bytes / _READ_BPS
            return bool(await self._ask(target.info, _copies.settle, aside, part, seconds=seconds))
        except BaseException:
            self._done = done
            if target is None:
                shutil.rmtree(aside, ignore_errors=True)
            else:
                await self._try(self._ask(target.info, _copies.throw_away, [aside]))
            raise

    async def _send(
        self, part: Shard, name: str, offset: int, source: _Node | None, target: _Node | None, aside: str
    ) -> None:
        """Send a block."""
        if source is not None and target is not None:
            await self._ask(target.info, _copies.fetch_block, aside, part, name, offset, source.info.address)
        elif source is not None:
            block = await self._ask(source.info, _copies.read_block, part, name, offset)
            await asyncio.to_thread(_copies.write, Path(aside) / name, offset, block)
        elif target is not None:
            block = await asyncio.to_thread(_copies.read, part.folder / name, offset)
            await self._ask(target.info, _copies.write_block, aside, name, offset, block)

    async def clear(self) -> None:
        """Remove the copies that nobody needs any more."""
        needed = defaultdict(set)
        for part in self.shards.shards:
            for node in (self._nodes[name] for name in part.nodes if name in self._nodes):
                if part.index not in node.held.sees:
                    needed[node.place].add(part.index)
        await self._remove({where: indices - needed[where] for where, indices in self._copies.items()})

    async def forget(self, workers: Sequence[WorkerInfo]) -> None:
        """Remove all copies."""
        await self._look(workers)
        await self._remove(self._copies)

    async def _remove(self, copies: dict[tuple[str, str], set[int]]) -> None:
        sums = {part.index: part.checksum for part in self.shards.shards}
        at = {node.place: node for node in self._nodes.values()}
        asked = [
            self._ask(at[where].info, _copies.remove, [sums[index] for index in indices])
            for where, indices in copies.items()
            if indices
        ]
        await asyncio.gather(*map(self._try, asked))

    async def _try(self, asked: Awaitable[Any]) -> None:
        """What is left by a worker that doesn't answer is removed in time by another."""
        await asyncio.gather(asked, return_exceptions=True)

    async def _ask(self, info: WorkerInfo, function: Any, *args: Any, seconds: float = BLOCK_SECONDS) -> Any:
        """Call an async function in a worker."""
        answer = await asyncio.wait_for(self._client.run(function, *args, workers=[info.address]), seconds)
        return answer[info.address]
