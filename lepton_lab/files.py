"""Writing to the workspace so that nothing is ever half written: write aside, then rename."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_ASIDE = ".aside-"


@contextmanager
def scratch(parent: Path) -> Iterator[Path]:
    """A folder in `parent` to work in; it is removed when the block ends, and what is to stay is renamed out of it."""
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def replacing_file(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """A path to write to; it becomes `path` when the block ends well, and is removed when it raises.

    The folder is made if it is missing. The name is kept, because many writers choose the format by its suffix. With
    `durable` it is on disk before it has its name, so that it outlives a power cut: right for models, which are dear.
    """
    with scratch(path.parent) as folder:
        aside = folder / path.name
        yield aside
        if durable:
            with aside.open("rb") as stream:
                os.fsync(stream.fileno())
        aside.replace(path)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A folder to fill; it takes `path`'s place when the block ends well, and is removed when it raises.

    What stood at `path` before is kept until the new folder is whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=path.parent))
    aside.chmod(0o755)
    try:
        yield aside
        if path.exists():
            old = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=path.parent))
            take_place(aside, path, old)
            shutil.rmtree(old, ignore_errors=True)
        else:
            aside.replace(path)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def take_place(aside: Path, path: Path, old: Path) -> None:
    """Put the folder `aside` in the place of `path`, which becomes `old`; all is as it was if that fails."""
    path.replace(old)
    try:
        aside.replace(path)
    except BaseException:
        old.replace(path)
        raise


def copy(source: Path, target: Path) -> None:
    """Copy a file so that it is on disk when this returns."""
    shutil.copyfile(source, target)
    with target.open("rb") as stream:
        os.fsync(stream.fileno())


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON, aside and renamed."""
    # Not durable: records change often, and on a busy disk waiting for it takes seconds.
    with replacing_file(path, durable=False) as aside:
        aside.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")


def read_json(path: Path) -> Any:
    """The value that `write_json` wrote."""
    return json.loads(path.read_text())


def files_in(path: Path) -> list[Path]:
    """The file itself, or all files below a folder in the order of their names."""
    if not path.is_dir():
        return [path]
    return sorted((file for file in path.rglob("*") if file.is_file()), key=lambda file: file.as_posix())


def num_bytes(path: Path) -> int:
    """The size of a file, or of all files below a folder together."""
    return sum(file.stat().st_size for file in files_in(path))


def checksum(*paths: Path) -> str:
    """SHA-256 over the files' bytes, in the order given, as hexadecimal digits.

    A folder counts as the list of its files that `sha256sum` prints, in the order of their names.
    """
    digest = hashlib.sha256()
    for path in paths:
        if path.is_dir():
            lines = (f"{checksum(file)}  {file.relative_to(path).as_posix()}\n" for file in files_in(path))
            digest.update("".join(lines).encode())
            continue
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def is_leftover(path: Path) -> bool:
    """Whether this is what a process that died while writing left behind."""
    return path.name.startswith(_ASIDE)
