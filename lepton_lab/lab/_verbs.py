"""What all verbs of the lab have in common: how their caller hears of arguments of the wrong type, of a disk's refusal,
and of an interrupt."""

from __future__ import annotations

import errno
import functools
import inspect
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from lepton_lab.errors import Interrupted, LeptonError, LibraryError, WorkspaceError
from lepton_lab.lab._arguments import fitting

T = TypeVar("T")

_CAUSES = {
    errno.ENOSPC: "the disk is full: free some space, or choose another workspace",
    errno.EDQUOT: "your quota of the disk is used up: free some space, or choose another workspace",
    errno.EFBIG: "the file would be larger than its disk allows: choose another workspace",
    errno.EROFS: "the disk is read-only: choose another workspace",
    errno.EACCES: "you may not read or write there: choose another workspace, or have its rights changed",
    errno.EPERM: "you may not read or write there: choose another workspace, or have its rights changed",
    errno.ENOENT: "what should be there is missing, or can't be made: see that it is back, or choose another workspace",
    errno.ENOTDIR: "a file stands where a folder is needed: move it away, or choose another workspace",
    errno.EEXIST: "a file stands where a folder is needed: move it away, or choose another workspace",
    errno.EISDIR: "a folder stands where a file is needed: move it away, or choose another workspace",
    errno.ENAMETOOLONG: "the name is too long for its disk: choose a shorter one",
    errno.ELOOP: "its links lead round in a circle: choose another workspace",
    errno.EIO: "the disk can't be read or written: is it damaged, or a network's that is away?",
    errno.ESTALE: "the network's disk has gone: see that it is back, or choose another workspace",
}
"""What an operating system says of disks, and what to do then; any other OSError is not one of these."""
_NAMELESS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ESTALE)
"""Those that a file which is open already may give, so that none is named; others without a name are not of files."""
_CUT_SHORT = re.compile(r"\d+ requested and \d+ written")
"""What NumPy says of a disk that is full."""
_FULL_BYTES = 1 << 20


def verbs(kind: type[T]) -> type[T]:
    """Class decorator: each public method raises an `InputError` for arguments of the wrong type, a `WorkspaceError`
    for what the disk refuses, and `Interrupted` for an interrupt."""
    for name, method in tuple(vars(kind).items()):
        if inspect.isfunction(method) and not name.startswith("_"):
            setattr(kind, name, _as_a_verb(method))
    return kind


def _as_a_verb(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def verb(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            given = fitting(method, (self, *args), kwargs)
            return method(*given.args, **given.kwargs)
        except Interrupted:
            raise
        except KeyboardInterrupt:
            raise Interrupted("what was under way has ended, and nothing half-done is left.") from None
        except (OSError, LibraryError) as error:
            told = _told(error, getattr(self, "_lab", self).workspace.folder)
            if told is None:
                raise
            raise told from None

    return verb


def _told(error: BaseException | None, workspace: Path) -> LeptonError | None:
    """What to tell instead of an error; None where it is none of a disk."""
    error = error.__cause__ if isinstance(error, LibraryError) else error
    if isinstance(error, LeptonError) or not isinstance(error, OSError):
        return None
    number = error.errno or _hidden_errno(error, workspace)
    cause = _CAUSES.get(number or 0)
    if cause is None or (error.filename is None and number not in _NAMELESS):
        return None
    path = Path(os.fsdecode(error.filename)).absolute() if isinstance(error.filename, str | bytes) else workspace
    if path.is_relative_to(workspace):
        at = f" (at {path.relative_to(workspace)})" if path != workspace else ""
        return WorkspaceError(f"The workspace {_short(workspace)} can't be used{_short(at)}: {cause}.")
    return WorkspaceError(f"{_short(path)} can't be used: {cause.replace('workspace', 'place')}.")


def _short(text: object) -> str:
    return text if len(text := str(text)) < 200 else f"{text[:90]}...{text[-90:]}"


def _hidden_errno(error: OSError, workspace: Path) -> int | None:
    """The cause that a library left out of its OSError."""
    found = re.search(r"errno[ =]*(\d+)", str(error), re.IGNORECASE)
    if found:
        return int(found[1])
    there = next((path for path in (workspace, *workspace.parents) if path.is_dir()), Path("/"))
    is_full = _CUT_SHORT.search(str(error)) or shutil.disk_usage(there).free < _FULL_BYTES
    return errno.ENOSPC if is_full else None
