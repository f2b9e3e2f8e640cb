"""The code of one's own that a model was made by, kept beside it and sealed.

A workspace may come from anywhere: with a repository, from a colleague. So the code in it is run only where its seal
says that this user wrote it on this machine; else the model counts as one without, and can't be loaded.
"""

from __future__ import annotations

from pathlib import Path

from lepton_lab.files import copy, read_json, write_json
from lepton_lab.lab._seal import is_sealed, mark_of
from lepton_lab.runtime import CODE

_SEAL = "code.json"


def seal_code(folder: Path) -> None:
    """Seal the code that was just written into a model's folder, if there is any."""
    if (folder / CODE).is_file():
        write_json(folder / _SEAL, {"seal": mark_of((folder / CODE).read_bytes())})


def copy_code(source: Path, target: Path) -> None:
    """Copy code and seal from a model's or a run's folder to another, if there are any."""
    for name in (CODE, _SEAL):
        if (source / name).is_file():
            copy(source / name, target / name)


def code_in(folder: Path) -> Path | None:
    """The file with a folder's code, if there is one and this user wrote it."""
    try:
        is_ours = is_sealed((folder / CODE).read_bytes(), str(read_json(folder / _SEAL)["seal"]))
    except (OSError, ValueError, KeyError, TypeError):  # a seal that can't be read is none
        return None
    return folder / CODE if is_ours else None
