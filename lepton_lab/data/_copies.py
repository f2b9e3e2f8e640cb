"""Copies of shards on hosts that don't see the workspace: what is on disk there, and how a copy gets its place.

A host's workers share a *store* beside their scratch folders, with a folder for each copy that is called by the shard's
checksum. So a copy outlives the worker that fetched it, and what it is called says what must be in it.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lepton_lab.data._shard import read_shards
from lepton_lab.errors import DataError, InputError
from lepton_lab.files import checksum, is_leftover
from lepton_lab.types import Shard

if TYPE_CHECKING:
    from distributed import Worker

FILES = ("x.npy", "y.npy", "w.npy")
BLOCK = 32 << 20
"""Bytes of a block at most."""
_STORE = "lepton-shards"
_ASIDE = ".aside-"
_LEFT_SECONDS = 86400.0
"""After which what a died writer left is removed."""
_UNUSED_SECONDS = 30 * 86400.0
"""After which a copy is removed that no placement has asked for."""


def files_in(folder: Path) -> list[Path]:
    """A shard's files, in the order that its checksum takes them in."""
    return [folder / name for name in FILES if (folder / name).is_file()]


def sizes(folder: Path) -> dict[str, int]:
    """Bytes of each of a shard's files that are in a folder."""
    return {file.name: file.stat().st_size for file in files_in(folder)}


def is_whole(folder: Path, shard: Shard) -> bool:
    """Whether a shard's files are in a folder, by their sizes."""
    return sum(sizes(folder).values()) == shard.num_bytes


def is_right(folder: Path, shard: Shard) -> bool:
    """Whether a shard's files are in a folder, by their checksum."""
    return is_whole(folder, shard) and checksum(*files_in(folder)) == shard.checksum


def seen(shards: Sequence[Shard]) -> frozenset[int]:
    """The indices of the shards of a set whose files in the workspace this process sees.

    Another host may have a folder of the same name; so the record beside the files must know them as well.
    """
    try:
        recorded = {part.index: part.checksum for part in read_shards(shards[0].folder.parent).shards}
    except (InputError, DataError, OSError):
        return frozenset()
    return frozenset(s.index for s in shards if recorded.get(s.index) == s.checksum and is_whole(s.folder, s))


def store_of(worker: Worker) -> Path:
    """The store of a worker's host, below the local directory that Dask was told; it needn't be there yet."""
    return Path(worker.local_directory).parent / _STORE


def open_store(worker: Worker) -> Path:
    """The same, made if it wasn't there, and without what has been left in it."""
    store = store_of(worker)
    store.mkdir(mode=0o700, exist_ok=True)
    if not is_ours(store):
        raise DataError(f"{store} is not a folder that belongs to you alone (mode 0700): remove it")
    _sweep(store)
    return store


def is_ours(store: Path) -> bool:
    """Whether there is a store that nobody else can write to: it may lie in a folder for all users."""
    try:
        status = store.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077


def _sweep(store: Path) -> None:
    """Remove what died writers left, and copies that nobody has asked for in a long time."""
    for path in store.iterdir():
        try:
            age = time.time() - path.stat().st_mtime
        except OSError:
            continue  # somebody else has just removed it
        if age > (_LEFT_SECONDS if is_leftover(path) else _UNUSED_SECONDS):
            shutil.rmtree(path, ignore_errors=True)


def find(shard: Shard, worker: Worker) -> Path | None:
    """The folder in which a worker finds a shard: the workspace's, else its host's copy; None where it has neither."""
    if seen([shard]):
        return shard.folder
    store = store_of(worker)
    copy = store / shard.checksum
    return copy if is_ours(store) and is_whole(copy, shard) else None


@dataclass(frozen=True)
class Block:
    """What is read and sent at once."""

    name: str
    """Of the file."""
    offset: int
    length: int


def blocks(files: Mapping[str, int]) -> Iterator[Block]:
    """The blocks that a shard's files are sent in."""
    for name, num_bytes in files.items():
        for offset in range(0, num_bytes, BLOCK):
            yield Block(name, offset, min(BLOCK, num_bytes - offset))


def read(folder: Path, block: Block) -> bytes:
    """Read a block of a shard's files."""
    with (folder / block.name).open("rb") as stream:
        stream.seek(block.offset)
        return stream.read(block.length)


def make_aside(folder: Path) -> str:
    """A folder to write a copy to, before it takes its place."""
    aside = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=folder))
    aside.chmod(0o755)
    return str(aside)


def write(folder: Path, block: Block, content: bytes) -> None:
    """Write a block of a shard's files; a file is made with its first one."""
    with (folder / block.name).open("r+b" if block.offset else "wb") as stream:
        stream.seek(block.offset)
        stream.write(content)


def put(aside: Path, shard: Shard, folder: Path) -> bool:
    """Have what was written aside take the place of a shard's folder if it is right, else throw it away; says which."""
    if not is_right(aside, shard):
        shutil.rmtree(aside, ignore_errors=True)
        return False
    if folder.exists():  # damaged
        old = Path(make_aside(folder.parent))
        folder.replace(old)
        shutil.rmtree(old, ignore_errors=True)
    aside.replace(folder)
    return True
