"""Copies of shards on hosts that don't see the workspace: the worker's side.

A host's workers share a store beside their scratch folders, with a folder for each copy that is called by the shard's
checksum. So a copy outlives the worker that fetched it, and what it is called says what is in it. The functions here
are called by `Client.run`: they run beside the worker's tasks, so neither a training nor a long call holds them up.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton_lab.data._shard import read_shards
from lepton_lab.errors import DataError, InputError
from lepton_lab.files import checksum, is_leftover
from lepton_lab.types import Shard

if TYPE_CHECKING:
    from distributed import Worker

FILES = ("x.npy", "y.npy", "w.npy")
BLOCK = 32 << 20
"""Bytes that are read and sent at once."""
BLOCK_SECONDS = 30.0
"""How long a block may take."""
ANSWER_SECONDS = 5.0
"""How long a worker may take to say what it has; one that is silent is thought to be gone."""
_STORE = "lepton-shards"
_ASIDE = ".aside-"
_LEFT_SECONDS = 3600.0
"""After which what a died writer left is removed."""
_UNUSED_SECONDS = 30 * 86400.0
"""After which a copy is removed that no placement has asked for."""


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
    return await asyncio.to_thread(_look, shards, deep, store_of(dask_worker))


def _look(shards: Sequence[Shard], deep: bool, store: Path) -> Held:
    has = set()
    for shard in shards if _is_ours(store) else ():
        copy = store / shard.checksum
        if not is_whole(copy, shard):
            continue
        if deep and checksum(*files_in(copy)) != shard.checksum:
            shutil.rmtree(copy, ignore_errors=True)
            continue
        os.utime(copy)  # it is in use
        has.add(shard.index)
    return Held(str(store), seen(shards), frozenset(has))


def store_of(worker: Worker) -> Path:
    """The store of a worker's host: below the local directory that Dask was told, if it wasn't made yet."""
    return Path(worker.local_directory).parent / _STORE


def _is_ours(store: Path) -> bool:
    """Whether there is a store that nobody else can write to: it may lie in a folder for all users."""
    try:
        status = store.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077


def seen(shards: Sequence[Shard]) -> frozenset[int]:
    """The indices of the shards of a set whose files in the workspace this process sees.

    Another host may have a folder of the same name; so the record beside the files must know them as well.
    """
    try:
        recorded = {part.index: part.checksum for part in read_shards(shards[0].folder.parent).shards}
    except (InputError, DataError, OSError):
        return frozenset()
    return frozenset(s.index for s in shards if recorded.get(s.index) == s.checksum and is_whole(s.folder, s))


def files_in(folder: Path) -> list[Path]:
    """A shard's files, in the order that its checksum takes them in."""
    return [folder / name for name in FILES if (folder / name).is_file()]


def is_whole(folder: Path, shard: Shard) -> bool:
    """Whether a shard's files are in a folder, by their sizes."""
    return sum(sizes(folder).values()) == shard.num_bytes


def sizes(folder: Path) -> dict[str, int]:
    """Bytes of each of a shard's files that are in a folder."""
    return {file.name: file.stat().st_size for file in files_in(folder)}


def blocks(files: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """File and offset of each block that a shard's files are sent in."""
    return ((name, offset) for name, num_bytes in files.items() for offset in range(0, num_bytes, BLOCK))


def find(shard: Shard, worker: Worker) -> Path | None:
    """The folder in which a worker finds a shard: the workspace's, else its host's copy; None where it has neither."""
    if seen([shard]):
        return shard.folder
    store = store_of(worker)
    copy = store / shard.checksum
    return copy if _is_ours(store) and is_whole(copy, shard) else None


async def measure(shard: Shard, dask_worker: Worker) -> dict[str, int]:
    """Bytes of each file of a shard that is here; empty where it isn't."""
    folder = find(shard, dask_worker)
    return sizes(folder) if folder is not None else {}


async def read_block(shard: Shard, name: str, offset: int, dask_worker: Worker) -> bytes:
    """A block of a shard that is here."""
    folder = find(shard, dask_worker)
    if folder is None:
        raise DataError(f"shard {shard.index} is not here any more")
    return await asyncio.to_thread(read, folder / name, offset)


def read(file: Path, offset: int) -> bytes:
    """A block of a file."""
    with file.open("rb") as stream:
        stream.seek(offset)
        return stream.read(BLOCK)


async def begin(dask_worker: Worker) -> str:
    """Make a folder for a copy that is to come."""
    store = store_of(dask_worker)
    store.mkdir(mode=0o700, exist_ok=True)
    if not _is_ours(store):
        raise DataError(f"{store} is not a folder that belongs to you alone (mode 0700): remove it")
    await asyncio.to_thread(_sweep, store)
    return make_aside(store)


def _sweep(store: Path) -> None:
    """Remove what died writers left, and copies that nobody has asked for in a long time."""
    for path in store.iterdir():
        try:
            age = time.time() - path.stat().st_mtime
        except OSError:
            continue  # somebody else has just removed it
        if age > (_LEFT_SECONDS if is_leftover(path) else _UNUSED_SECONDS):
            shutil.rmtree(path, ignore_errors=True)


def make_aside(folder: Path) -> str:
    """A folder to write a copy to, before it takes its place."""
    aside = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=folder))
    aside.chmod(0o755)
    return str(aside)


async def write_block(aside: str, name: str, offset: int, block: bytes) -> None:
    """Write a block of a copy."""
    await asyncio.to_thread(write, Path(aside) / name, offset, block)


def write(file: Path, offset: int, block: bytes) -> None:
    """Write a block of a file, which is made with its first one."""
    with file.open("r+b" if offset else "wb") as stream:
        stream.seek(offset)
        stream.write(block)


async def fetch_block(aside: str, shard: Shard, name: str, offset: int, source: str, dask_worker: Worker) -> None:
    """Have another worker, by its address, send a block of a copy, and write it."""
    await write_block(aside, name, offset, await ask(dask_worker, source, read_block, shard, name, offset))


async def ask(worker: Worker, address: str, function: Any, *args: Any) -> Any:
    """Call an async function in another worker, straight: as `Client.run` does it by way of the scheduler.

    Raises
    ------
    OSError
        If the other worker can't be reached, or the function raised.
    """
    from distributed.protocol.pickle import dumps

    answer = await worker.rpc(address).run(function=dumps(function), args=dumps(args))
    if answer["status"] != "OK":
        raise OSError(f"{address}: {answer.get('exception_text', answer['status'])}")
    return answer["result"]


async def settle(aside: str, shard: Shard, dask_worker: Worker) -> bool:
    """Give a copy its place if it is what was written, and throw it away if not; says which."""
    folder = store_of(dask_worker) / shard.checksum
    if is_whole(folder, shard):  # somebody else was faster
        await throw_away([aside])
        return True
    return await asyncio.to_thread(put, Path(aside), shard, folder)


def put(aside: Path, shard: Shard, folder: Path) -> bool:
    """Have what was written aside take the place of a shard's folder, if its checksum is the shard's."""
    if checksum(*files_in(aside)) != shard.checksum:
        shutil.rmtree(aside, ignore_errors=True)
        return False
    if folder.exists():  # damaged
        old = Path(make_aside(folder.parent))
        folder.replace(old)
        shutil.rmtree(old, ignore_errors=True)
    aside.replace(folder)
    return True


def fetch(shard: Shard, worker: Worker) -> Path | None:
    """The folder of a shard that this worker doesn't hold, once a copy has come; None if nobody can send it.

    Called from a task. The copy is one too many: the next placement removes it.
    """
    return asyncio.run_coroutine_threadsafe(_fetch(shard, worker), worker.loop.asyncio_loop).result()


async def _fetch(shard: Shard, worker: Worker) -> Path | None:
    workers = (await worker.scheduler.identity(n_workers=-1))["workers"]
    for source in [address for address, each in workers.items() if str(each["name"]) in shard.nodes]:
        aside = await begin(worker)
        try:
            for name, offset in blocks(await asyncio.wait_for(ask(worker, source, measure, shard), ANSWER_SECONDS)):
                await asyncio.wait_for(fetch_block(aside, shard, name, offset, source, worker), BLOCK_SECONDS)
            if await settle(aside, shard, worker):
                return find(shard, worker)
        except OSError:
            pass  # the next one may have more luck
        finally:
            await throw_away([aside])
    return None


async def throw_away(asides: Sequence[str]) -> None:
    """Remove copies that were begun."""
    for aside in asides:
        await asyncio.to_thread(shutil.rmtree, aside, ignore_errors=True)


async def remove(checksums: Sequence[str], dask_worker: Worker) -> None:
    """Remove copies from this host's store."""
    await throw_away([str(store_of(dask_worker) / Path(each).name) for each in checksums])
