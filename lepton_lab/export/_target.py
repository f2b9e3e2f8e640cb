"""Where an export goes: checked before the work, written aside, put in its place when it is whole."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lepton_lab.errors import InputError
from lepton_lab.files import read_json, replacing_file, replacing_folder

MANIFEST = "manifest.json"
"""The manifest's name inside a format that is a folder; beside a file it is the file's name with `.json` behind."""


def manifest_of(to: Path, suffix: str) -> Path:
    """Where the manifest of an export to `to` lies."""
    return to.with_name(f"{to.name}.json") if suffix else to / MANIFEST


def check_target(to: Path, format: str, suffix: str, suffixes: tuple[str, ...]) -> None:
    """Find out now whether `to` can be written, rather than after the work.

    Parameters
    ----------
    suffix
        The format's; empty for a folder.
    suffixes
        Those of all formats that are files.

    Raises
    ------
    InputError
        If it can't be, or if something would be lost that is no earlier export.
    """
    if suffix:
        _check_file(to, format, suffix)
    else:
        _check_folder(to, format, suffixes)
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=to.parent) as probe:
            probe.write(b"x")
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"The target {to} can't be written: {reason}; choose another folder.") from error


def _check_file(to: Path, format: str, suffix: str) -> None:
    for path in (to, manifest_of(to, suffix)):
        if path.is_dir():
            raise InputError(f"The target {path} is a folder; name a file, such as {to / ('model' + suffix)}.")
    if to.suffix != suffix:
        better = to.with_suffix(suffix).name
        raise InputError(f"A {format} file's name ends with {suffix}: name it {better!r}, not {to.name!r}.")


def _check_folder(to: Path, format: str, suffixes: tuple[str, ...]) -> None:
    if to.suffix in suffixes:
        raise InputError(f"A {format} is a folder, and {to.name!r} is named as a file: name it {to.stem!r}.")
    if to.is_dir() and any(to.iterdir()) and not _is_export(to):
        raise InputError(f"The folder {to} holds something else than an earlier export: name a folder that is new.")
    if to.exists() and not to.is_dir():
        raise InputError(f"The target {to} is a file, and a {format} is a folder: name another.")


def _is_export(folder: Path) -> bool:
    """Whether the folder's manifest is one of ours; other programs call theirs so too."""
    try:
        manifest = read_json(folder / MANIFEST)
        return {"format", "sha256", "agreement"} <= set(manifest)
    except (OSError, ValueError, TypeError):
        return False


@contextmanager
def replacing_target(to: Path, suffix: str) -> Iterator[tuple[Path, Path]]:
    """What to write to, and where its manifest goes; they take their places when the block ends well."""
    if suffix:
        # The manifest is the outer one, so that the file has its name before the manifest speaks of it.
        with replacing_file(manifest_of(to, suffix)) as aside_manifest, replacing_file(to) as aside:
            yield aside, aside_manifest
    else:
        with replacing_folder(to) as aside:
            yield aside, aside / MANIFEST
