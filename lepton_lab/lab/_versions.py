"""The versions of a model: what it was before it was made anew, each in a folder of its own, `models/NAME@NUMBER`.

The model as it is now lies in `models/NAME`, and its record has its number. What takes its place renames it, so that
nothing is copied and nothing can be lost in between: who finds no folder of the name takes the latest version for the
model as it is now. A model that never learnt anything is no loss and becomes no version, and neither does one that is
made anew with the very same bytes. Files that are equal (the first weights of one that is trained again and again) are
one file with several names.

All versions stay until they are dropped by `model drop`: what was learnt is dear, and who trains is told of them.
"""

from __future__ import annotations

import fcntl
import filecmp
import glob
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lepton_lab.files import files_in, is_leftover, read_json, scratch, take_place, write_json

RECORD = "model.json"
_VERSION = re.compile(r"(.+)@([1-9]\d*)")


def split_name(name: str) -> tuple[str, int | None]:
    """A model's name and the number behind it: `net@3` is ("net", 3), `net` is ("net", None)."""
    found = _VERSION.fullmatch(name)
    return (found[1], int(found[2])) if found else (name, None)


def stem_of(name: str) -> str:
    """What the names of things made from a model begin with: `net-v3` for `net@3`."""
    base, number = split_name(name)
    return base if number is None else f"{base}-v{number}"


def earlier(models: Path, base: str) -> dict[int, Path]:
    """The folders of a model's versions by number, the oldest first, without that of the model as it is now."""
    found = {}
    for folder in models.glob(f"{glob.escape(base)}@*"):
        name, number = split_name(folder.name)
        if name == base and number is not None and (folder / RECORD).is_file():
            found[number] = folder
    return dict(sorted(found.items()))


def number_of(folder: Path) -> int:
    """The number of the version in a folder."""
    number = split_name(folder.name)[1]
    if number is None:
        with suppress(OSError, ValueError, TypeError, AttributeError):
            return int(read_json(folder / RECORD).get("version", 1))
    return number or 1


def find(models: Path, name: str) -> Path | None:
    """The folder of a model, or of a version of it; None if there is none."""
    base, number = split_name(name)
    if base in ("", "..") or Path(base).name != base or is_leftover(Path(base)):
        return None
    versions = earlier(models, base)
    current = models / base
    if not (current / RECORD).is_file():
        if not versions:
            return None
        current = versions[max(versions)]  # whatever was to take its place never came
    if number is None or number == number_of(current):
        return current
    return versions.get(number)


@contextmanager
def replacing(models: Path, base: str) -> Iterator[Path]:
    """A folder to fill; it becomes the model when the block ends well, and what was the model becomes a version."""
    with scratch(models) as aside:
        aside.chmod(0o755)
        yield aside
        with models.with_name("models.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # a run may end while a kernel makes the model anew
            _take_place(models, base, aside)


def next_number(models: Path, base: str, aside: Path) -> int:
    """The number of what is in `aside`, whose record need not be there yet, when it becomes the model."""
    current = models / base
    numbers = [*earlier(models, base)]
    if (current / RECORD).is_file():
        numbers.append(number_of(current) - (0 if _is_kept(current, aside) else 1))
    return max(numbers, default=0) + 1


def _take_place(models: Path, base: str, aside: Path) -> None:
    final = models / base
    if (aside / RECORD).is_file():
        record, number = read_json(aside / RECORD), next_number(models, base, aside)
        if record.get("version") != number:  # another one became the model meanwhile
            write_json(aside / RECORD, {**record, "version": number})
    if not final.exists():
        aside.replace(final)
        return
    is_kept = (final / RECORD).is_file() and _is_kept(final, aside)
    with scratch(models) as gone:
        old = models / f"{base}@{number_of(final)}" if is_kept else gone
        if is_kept:
            _share(aside, final)
        take_place(aside, final, old)


def _is_kept(folder: Path, successor: Path) -> bool:
    """Whether a model is to become a version: it has learnt something, and its successor is another one."""
    try:
        record = read_json(folder / RECORD)
        has_learnt = record["stage"] != "new" or record["kind"] == "added"
        name = f"model.{record['format']}"
    except (OSError, ValueError, KeyError, TypeError):  # what can't be read can't be used again
        return False
    return has_learnt and not _are_equal(folder / name, successor / name)


def _are_equal(one: Path, other: Path) -> bool:
    """Whether two files, or all files of two folders, have the same names and bytes."""
    if not one.exists() or not other.exists() or one.is_dir() != other.is_dir():
        return False
    if not one.is_dir():
        return filecmp.cmp(one, other, shallow=False)
    names, others = ([file.relative_to(side) for file in files_in(side)] for side in (one, other))
    return names == others and all(filecmp.cmp(one / name, other / name, shallow=False) for name in names)


def _share(folder: Path, other: Path) -> None:
    """Make files besides the model's own one file with their equals in the other folder."""
    for file in folder.iterdir():
        twin = other / file.name
        is_own = file.name.startswith("model.")
        if not is_own and file.is_file() and twin.is_file() and filecmp.cmp(file, twin, shallow=False):
            linked = folder / f".{file.name}"
            with suppress(OSError):  # not every file system has links
                os.link(twin, linked)
                linked.replace(file)


def link_all(source: Path, target: Path) -> None:
    """Give a folder the files of another one, but for the record, by links where the file system has them."""

    def link(file: str, to: str) -> None:
        try:
            os.link(file, to)
        except OSError:
            shutil.copy2(file, to)

    shutil.copytree(source, target, copy_function=link, dirs_exist_ok=True, ignore=shutil.ignore_patterns(RECORD))


def freed_by(folders: Iterable[Path]) -> int:
    """How many bytes the disk has more when these folders are gone: what other folders have too stays."""
    files: dict[tuple[int, int], list[os.stat_result]] = {}
    for folder in folders:
        for file in files_in(folder):
            status = file.stat()
            files.setdefault((status.st_dev, status.st_ino), []).append(status)
    return sum(found[0].st_size for found in files.values() if len(found) >= found[0].st_nlink)
