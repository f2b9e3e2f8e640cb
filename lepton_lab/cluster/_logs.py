"""The last lines of the cluster's logs."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.types import ClusterLogs

_BLOCK = 200
"""Bytes read for each line that is wanted: a generous mean length."""
_RAISED = re.compile(r"[\w.]*(Error|Exception)\b")


def read_logs(folder: Path, worker: str | None, lines: int) -> ClusterLogs:
    """The last `lines` lines of each process, or of one: `"scheduler"`, `"nanny"` or a worker's name."""
    if not isinstance(lines, int) or isinstance(lines, bool) or lines < 1:
        raise InputError(f"lines={lines!r} is not a number from 1 on: say how many lines to show of each log.")
    files = {path.stem: path for path in sorted(folder.glob("*.log"), key=_order)}
    if worker is not None and worker not in files:
        raise UnknownNameError("worker", worker, files)
    return ClusterLogs({name: tail(path, lines) for name, path in files.items() if worker in (None, name)})


def _order(path: Path) -> tuple[bool, int, str]:
    """The scheduler first, then the nanny, then workers by number."""
    number = path.stem.removeprefix("w")
    return number.isdigit(), int(number) if number.isdigit() else path.stem != "scheduler", path.stem


def tail(path: Path, lines: int) -> Sequence[str]:
    """The last lines of a file that may be large; empty if it can't be read."""
    try:
        with path.open("rb") as stream:
            start = max(0, stream.seek(0, os.SEEK_END) - _BLOCK * lines)
            stream.seek(start)
            text = stream.read().decode(errors="replace")
    except OSError:
        return ()
    found = text.splitlines()
    return tuple((found[1:] if start and len(found) > 1 else found)[-lines:])


def cause(path: Path) -> str:
    """What went wrong, by a log's end: the first exception of its tracebacks, of which the others came.

    Its last line where there is no exception; empty where there is nothing.
    """
    lines = [line for line in tail(path, 200) if line.strip()]
    starts = [i for i, line in enumerate(lines) if line.startswith("Traceback ")]
    raised = [line for line in lines[starts[0] :] if _RAISED.match(line)] if starts else []
    return (raised or lines[-1:] or [""])[0].strip()
