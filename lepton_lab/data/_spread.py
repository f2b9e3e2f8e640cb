"""Shards brought to the nodes that are to hold them.

The kernel asks each worker what it can open, decides who is to hold what (`place`), and has the missing copies made.
What failed is tried from another holder or, in the next round, on the workers that are there then. No copy goes before
those that replace it are verified and recorded.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections import defaultdict
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lepton_lab.data import _copies, _host
from lepton_lab.data._carrier import READ_BPS, Carrier
from lepton_lab.data._holdings import Holdings, Store
from lepton_lab.data._host import ANSWER_SECONDS
from lepton_lab.data._place import place
from lepton_lab.data._shard import save_shards
from lepton_lab.display import size
from lepton_lab.errors import ClusterError, DataError
from lepton_lab.events import Progress, Report, ignore
from lepton_lab.types import WORKSPACE, Move, Shard, ShardSet, WorkerInfo

if TYPE_CHECKING:
    from distributed import Client

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
        If there is no worker, or copies could not be made; those that were are recorded, and no other is removed.
    """
    work = _Spreading(shards, client, leaving, deep)
    for _ in range(_ROUNDS):
        _conduct(client, work.round(present()), lambda: work.tell(report))
        if work.is_done:
            break
    work.tell(report)
    if work.shards != shards:
        save_shards(work.shards)
    if work.failures:
        raise ClusterError(
            f"{len(work.failures)} copies of shards of {shards.dataset!r} could not be made ({work.failures[0]}): see "
            f"%lepton cluster status, then %lepton data place {shards.dataset}."
        )
    _conduct(client, work.clear())
    return work.shards


def forget(shards: ShardSet, client: Client, present: Callable[[], Sequence[WorkerInfo]]) -> None:
    """Remove all copies of these shards from the hosts' stores; a worker that doesn't answer keeps its own."""
    _conduct(client, _Spreading(shards, client, (), False).forget(present()))


def _conduct(client: Client, work: Coroutine[Any, Any, None], tell: Callable[[], None] = lambda: None) -> None:
    """Wait for work on the client's loop; an interrupt ends it, and so does another thread that closes the client."""
    closed = ClusterError("The connection to the cluster was closed before all shards were placed.")
    try:
        future = asyncio.run_coroutine_threadsafe(work, client.loop.asyncio_loop)
    except RuntimeError:
        work.close()
        raise closed from None
    try:
        while not concurrent.futures.wait([future], _REPORT_SECONDS).done:
            if client.status == "closed":
                raise closed
            tell()
        future.result()
    except concurrent.futures.CancelledError:  # by a client that is being closed
        raise closed from None
    except BaseException:
        future.cancel()
        raise


class _Spreading:
    """One `spread`."""

    def __init__(self, shards: ShardSet, client: Client, leaving: Collection[str], deep: bool) -> None:
        self.shards = replace(shards, moves=())
        self.failures: list[str] = []
        """Why copies could not be made in the last round."""
        self._carrier, self._leaving, self._deep = Carrier(client), leaving, deep
        self._held = Holdings()
        self._turns: dict[Store, asyncio.Lock] = defaultdict(asyncio.Lock)
        """A store gets one copy at a time."""
        self._total, self._told = 0, -1
        """Bytes to copy, and how many were done when that was last told."""

    @property
    def is_done(self) -> bool:
        """Whether the last round went without a failure; if not, workers may have gone that it counted with."""
        return not self.failures and not self._carrier.failing

    def tell(self, report: Report) -> None:
        """Report how far the copying is, if it is further than the last time."""
        done, total = self._carrier.done, self._total
        if total and done != self._told:
            self._told = done
            message = f"copied {size(done)} of {size(total)}"
            report(Progress(f"data place {self.shards.dataset}", message, min(1.0, done / total)))

    async def round(self, workers: Sequence[WorkerInfo]) -> None:
        """See what is where, place the shards, and make the copies that are missing."""
        self.failures = []
        if not workers:
            raise ClusterError("The cluster has no worker to place shards on: see %lepton cluster status.")
        await self._look(workers)
        if await self._restore():
            await self._look(workers)
        staying = [info for info in self._held.workers if info.name not in self._leaving]
        if not staying:
            return
        hosts = {info.name: info.host for info in staying}
        wanted = self.shards.replicas or min(2, len(set(hosts.values())))
        weights = {info.name: float(info.threads) for info in staying}
        before = self.shards.shards
        target = place(self.shards, weights, replicas=min(wanted, len(staying)), hosts=hosts).shards
        lacking = [self._held.lacking(part) for part in target]
        self._total = self._carrier.done + sum(map(_num_bytes, target, lacking))
        await asyncio.gather(*map(self._bring, target, lacking))
        parts = (replace(new, nodes=self._held.nodes(new, old)) for new, old in zip(target, before, strict=True))
        self.shards = replace(self.shards, shards=tuple(parts))

    async def _look(self, workers: Sequence[WorkerInfo]) -> None:
        parts = self.shards.shards
        seconds = ANSWER_SECONDS + (sum(part.num_bytes for part in parts) / READ_BPS if self._deep else 0.0)
        asked = (self._carrier.ask(info, _host.look, parts, self._deep, seconds=seconds) for info in workers)
        answers = await asyncio.gather(*asked, return_exceptions=True)
        self._carrier.failing.clear()  # who doesn't answer isn't counted with
        found = {info: held for info, held in zip(workers, answers, strict=True) if isinstance(held, _host.Held)}
        if not found:
            raise ClusterError(f"No worker says which shards it has ({answers[0]}): see %lepton cluster status.")
        self._held = Holdings(found)

    async def _restore(self) -> bool:
        """Make the workspace whole again, from copies; says whether there was anything to do."""
        broken = await asyncio.to_thread(self._broken)
        self._total += sum(part.num_bytes for part in broken)
        for part in broken:
            if not await self._carry_from_any(part, self._held.with_copies(part), None):
                raise DataError(
                    f"shard {part.index} of {self.shards.dataset!r} is missing or damaged in {part.folder}, and no "
                    "worker has a copy of it: shard the data set again"
                )
        return bool(broken)

    def _broken(self) -> list[Shard]:
        is_good = _copies.is_right if self._deep else _copies.is_whole
        return [part for part in self.shards.shards if not is_good(part.folder, part)]

    async def _bring(self, part: Shard, workers: Sequence[WorkerInfo]) -> None:
        """Have workers get a copy, one after the other, so that the second comes from the first."""
        for info in workers:
            async with self._turns[self._held.store(info)]:
                sources = sorted(self._held.holders(part), key=lambda info: self._carrier.sent[info.name])
                # The kernel reads the workspace's own file only where no worker can send it.
                if await self._carry_from_any(part, [*sources, None], info):
                    self._held.add(info, part)

    async def _carry_from_any(
        self, part: Shard, sources: Sequence[WorkerInfo | None], target: WorkerInfo | None
    ) -> bool:
        """Copy a shard from the first that manages to send it whole."""
        to, why = target.name if target is not None else WORKSPACE, ""
        for source in sources:
            from_ = source.name if source is not None else WORKSPACE
            if {from_, to} & self._carrier.failing:
                why = why or f"shard {part.index} from {from_} to {to}: lost"
                continue
            try:
                if await self._carrier.carry(part, source, target):
                    move = Move(part.index, from_, to, part.num_bytes)
                    self.shards = replace(self.shards, moves=(*self.shards.moves, move))
                    return True
                why = f"shard {part.index} of {from_} is not what was written"
                self._carrier.failing.add(from_)
                self._deep = True  # so that the next round throws it away
            except OSError as error:
                why = f"shard {part.index} from {from_} to {to}: {error}"
        self.failures += [why] if target is not None else []
        return False

    async def clear(self) -> None:
        """Remove the copies that nobody needs any more."""
        await self._remove(self._held.unneeded(self.shards))

    async def forget(self, workers: Sequence[WorkerInfo]) -> None:
        """Remove all copies."""
        await self._look(workers)
        await self._remove(self._held.unneeded(replace(self.shards, shards=())))

    async def _remove(self, copies: Mapping[WorkerInfo, Collection[int]]) -> None:
        """Remove copies, by index; what a worker keeps that doesn't answer is swept in time by another."""
        sums = {part.index: part.checksum for part in self.shards.shards}
        asked = [
            self._carrier.ask(info, _host.remove, [sums[index] for index in indices])
            for info, indices in copies.items()
        ]
        await asyncio.gather(*asked, return_exceptions=True)


def _num_bytes(part: Shard, workers: Sequence[WorkerInfo]) -> int:
    return part.num_bytes * len(workers)
