"""Carries a shard from where it lies to where it is wanted, a block at a time, and verifies it there.

The kernel conducts it, but the worker that is to have a copy fetches the blocks straight from the one that sends them.
Since each block is asked for by itself, nothing waits longer than a block may take, whatever dies meanwhile.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton_lab.asking import within
from lepton_lab.data import _copies, _host
from lepton_lab.data._copies import Block
from lepton_lab.data._host import ANSWER_SECONDS, BLOCK_SECONDS
from lepton_lab.types import WORKSPACE, Shard, WorkerInfo

if TYPE_CHECKING:
    from distributed import Client

AT_ONCE = 2
"""Blocks that a worker, or the kernel, has in memory to send."""
READ_BPS = 20e6
"""Bytes per second at which a checksum is made at least."""


class Carrier:
    """Copies shards between workers and the workspace, which stands as None."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.sent = Counter[str]()
        """Bytes that each has been asked for, by name."""
        self.done = 0
        """Bytes that have come."""
        self.failing: set[str] = set()
        """Names of workers that something could not be had from, or put to."""
        self._turns: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(AT_ONCE))

    async def ask(self, info: WorkerInfo, function: Any, *args: Any, seconds: float = ANSWER_SECONDS) -> Any:
        """Call an async function of `_host` in a worker.

        Raises
        ------
        OSError
            If it can't be reached, is silent for so long, or the function raised.
        """
        try:
            answer = await within(self._client.run(function, *args, workers=[info.address]), seconds)
            return answer[info.address]
        except Exception as error:
            self.failing.add(info.name)
            raise OSError(f"{info.name}: {type(error).__name__} {error}".strip()) from None

    async def carry(self, part: Shard, source: WorkerInfo | None, target: WorkerInfo | None) -> bool:
        """Copy a shard; says whether it came as it was once written. If not, nothing of it is left.

        Raises
        ------
        OSError
            If one of the two went, or can't read or write; `failing` then names it.
        """
        files = _copies.sizes(part.folder) if source is None else await self.ask(source, _host.measure, part)
        if sum(files.values()) != part.num_bytes or not set(files) <= set(_copies.FILES):
            return False
        aside = _copies.make_aside(part.folder.parent) if target is None else await self.ask(target, _host.begin)
        sender, came = source.name if source is not None else WORKSPACE, 0
        try:
            for block in _copies.blocks(files):
                self.sent[sender] += block.length
                async with self._turns[sender]:
                    await self._send(part, block, source, target, aside)
                self.done, came = self.done + block.length, came + block.length
            return await self._settle(part, target, aside)
        except BaseException:
            self.done -= came
            await self._throw_away(target, aside)
            raise

    async def _send(
        self, part: Shard, block: Block, source: WorkerInfo | None, target: WorkerInfo | None, aside: str
    ) -> None:
        """Send a block."""
        if source is not None and target is not None:
            seconds = 2 * BLOCK_SECONDS
            why = await self.ask(target, _host.fetch_block, aside, part, block, source.address, seconds=seconds)
            if why:
                self.failing.add(source.name)
                raise OSError(f"{source.name}: {why}")
        elif source is not None:
            content = await self.ask(source, _host.read_block, part, block, seconds=BLOCK_SECONDS)
            await asyncio.to_thread(_copies.write, Path(aside), block, content)
        elif target is not None:
            content = await asyncio.to_thread(_copies.read, part.folder, block)
            await self.ask(target, _host.write_block, aside, block, content, seconds=BLOCK_SECONDS)

    async def _settle(self, part: Shard, target: WorkerInfo | None, aside: str) -> bool:
        if target is None:
            return await asyncio.to_thread(_copies.put, Path(aside), part, part.folder)
        seconds = BLOCK_SECONDS + part.num_bytes / READ_BPS
        return bool(await self.ask(target, _host.settle, aside, part, seconds=seconds))

    async def _throw_away(self, target: WorkerInfo | None, aside: str) -> None:
        """What is left with a worker that is gone is swept in time by another."""
        if target is None:
            shutil.rmtree(aside, ignore_errors=True)
        elif target.name not in self.failing:
            await asyncio.gather(self.ask(target, _host.throw_away, [aside]), return_exceptions=True)
