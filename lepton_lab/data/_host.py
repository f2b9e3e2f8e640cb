"""What a Dask worker does with shards on its host, when the kernel or another worker asks it to.

`Client.run` calls these functions. They run beside the worker's tasks, so neither a training nor a long call holds them
up, and what reads or writes files does so on a thread, so that they hold up nothing either.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton_lab.asking import within
from lepton_lab.data import _copies
from lepton_lab.data._copies import Block
from lepton_lab.errors import DataError
from lepton_lab.types import Shard

if TYPE_CHECKING:
    from distributed import Worker

ANSWER_SECONDS = 10.0
"""How long a worker may take to say what it has; one that is silent is thought to be gone."""
BLOCK_SECONDS = 30.0
"""How long a block may take on its way."""


@dataclass(frozen=True)
class Held:
    """What a worker can open."""

    store: str
    """The folder of its host's store."""
    sees: frozenset[int]
    """Shards whose files in the workspace it sees, by index."""
    has: frozenset[int]
    """Shards of which there is a copy in the store, by index."""


async def look(shards: Sequence[Shard], deep: bool, dask_worker: Worker) -> Held:
    """Say which shards of a set are here. With `deep`, copies are read, and thrown away if they are damaged."""
    return await asyncio.to_thread(_look, shards, deep, _copies.store_of(dask_worker))


def _look(shards: Sequence[Shard], deep: bool, store: Path) -> Held:
    has = set()
    for shard in shards if _copies.is_ours(store) else ():
        copy = store / shard.checksum
        if not _copies.is_whole(copy, shard):
            continue
        if deep and not _copies.is_right(copy, shard):
            shutil.rmtree(copy, ignore_errors=True)
            continue
        os.utime(copy)  # it is in use
        has.add(shard.index)
    return Held(str(store), _copies.seen(shards), frozenset(has))


async def measure(shard: Shard, dask_worker: Worker) -> dict[str, int]:
    """Bytes of each file of a shard that is here; empty where it isn't."""
    folder = _copies.find(shard, dask_worker)
    return _copies.sizes(folder) if folder is not None else {}


async def read_block(shard: Shard, block: Block, dask_worker: Worker) -> bytes:
    """A block of a shard that is here."""
    folder = _copies.find(shard, dask_worker)
    if folder is None:
        raise DataError(f"shard {shard.index} is not here any more")
    return await asyncio.to_thread(_copies.read, folder, block)


async def begin(dask_worker: Worker) -> str:
    """Make a folder for a copy that is to come."""
    return _copies.make_aside(await asyncio.to_thread(_copies.open_store, dask_worker))


async def write_block(aside: str, block: Block, content: bytes) -> None:
    """Write a block of a copy."""
    await asyncio.to_thread(_copies.write, Path(aside), block, content)


async def fetch_block(aside: str, shard: Shard, block: Block, source: str, dask_worker: Worker) -> str:
    """Have another worker, by its address, send a block of a copy, and write it; says why it could not be had."""
    try:
        content = await within(_ask(dask_worker, source, read_block, shard, block), BLOCK_SECONDS)
    except OSError as error:
        return f"{type(error).__name__}: {error}"
    await write_block(aside, block, content)
    return ""


async def _ask(worker: Worker, address: str, function: Any, *args: Any) -> Any:
    """Call an async function in another worker: as `Client.run` does it, but without the scheduler in between.

    Raises
    ------
    OSError
        If the other worker can't be reached, or the function raised.
    """
    from distributed.protocol.pickle import dumps

    # The next line takes this connection; by itself it would try for 30 s to reach a worker that has just died.
    worker.rpc.reuse(address, await worker.rpc.connect(address, timeout=ANSWER_SECONDS))
    answer = await worker.rpc(address).run(function=dumps(function), args=dumps(args))
    if answer["status"] != "OK":
        raise OSError(f"{address}: {answer.get('exception_text', answer['status'])}")
    return answer["result"]


async def settle(aside: str, shard: Shard, dask_worker: Worker) -> bool:
    """Give a copy its place if it is what was written, and throw it away if not; says which."""
    folder = _copies.store_of(dask_worker) / shard.checksum
    if _copies.is_whole(folder, shard):  # somebody else was faster
        await throw_away([aside])
        return True
    return await asyncio.to_thread(_copies.put, Path(aside), shard, folder)


async def throw_away(folders: Sequence[str]) -> None:
    """Remove copies that were begun."""
    for folder in folders:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def remove(checksums: Sequence[str], dask_worker: Worker) -> None:
    """Remove copies from this host's store."""
    await throw_away([str(_copies.store_of(dask_worker) / Path(each).name) for each in checksums])


def fetch(shard: Shard, worker: Worker) -> Path | None:
    """The folder of a shard that this worker doesn't hold, once a copy has come; None if nobody can send it.

    Called from a task. The copy is one too many: the next placement removes it.
    """
    return asyncio.run_coroutine_threadsafe(_fetch(shard, worker), worker.loop.asyncio_loop).result()


async def _fetch(shard: Shard, worker: Worker) -> Path | None:
    workers = (await worker.scheduler.identity(n_workers=-1))["workers"]
    named = [address for address, each in workers.items() if str(each["name"]) in shard.nodes]
    others = [address for address in workers if address not in named]
    for sources in (named, others):  # it may lie elsewhere by now
        async for source, files in _having(shard, [each for each in sources if each != worker.address], worker):
            if await _fetch_from(source, shard, files, worker):
                return _copies.find(shard, worker)
    return None


async def _having(shard: Shard, sources: Sequence[str], worker: Worker) -> AsyncIterator[tuple[str, Mapping[str, int]]]:
    """Those of these workers, by address, that have a shard, and the sizes of its files; the first to answer first."""

    async def ask(source: str) -> tuple[str, Mapping[str, int]]:
        return source, await within(_ask(worker, source, measure, shard), ANSWER_SECONDS)

    asked = [asyncio.ensure_future(ask(source)) for source in sources]
    try:
        for answer in asyncio.as_completed(asked):
            with suppress(OSError):  # it can't be reached; TimeoutError is one
                source, files = await answer
                if files:
                    yield source, files
    finally:
        for each in asked:
            each.cancel()


async def _fetch_from(source: str, shard: Shard, files: Mapping[str, int], worker: Worker) -> bool:
    """Copy a shard from a worker; says whether it came as it was once written."""
    aside = await begin(worker)
    try:
        for block in _copies.blocks(files):
            if await fetch_block(aside, shard, block, source, worker):
                return False
        return await settle(aside, shard, worker)
    finally:
        await throw_away([aside])
