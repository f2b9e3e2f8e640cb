"""The last lines of the cluster's logs."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lepton_lab.asking import ask
from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.types import ClusterLogs

if TYPE_CHECKING:
    from distributed import Client, Worker

_BLOCK = 200
"""Bytes read for each line that is wanted: a generous mean length."""
_RAISED = re.compile(r"[\w.]*(Error|Exception)\b")


def read_logs(
    folder: Path | None, worker: str | None, lines: int, told: Mapping[str, Sequence[str]] | None = None
) -> ClusterLogs:
    """The last `lines` lines of each process, or of one: `"scheduler"`, `"nanny"` or a worker's name.

    Parameters
    ----------
    folder
        With a file for each process of this host; None where there are none.
    told
        What is known of others.
    """
    if not isinstance(lines, int) or isinstance(lines, bool) or lines < 1:
        raise InputError(f"lines={lines!r} is not a number from 1 on: say how many lines to show of each log.")
    told = told or {}
    files = {path.stem: path for path in sorted(folder.glob("*.log"), key=_order)} if folder is not None else {}
    if worker is not None and worker not in {**files, **told}:
        raise UnknownNameError("worker", worker, {**files, **told})
    found = {name: tail(path, lines) for name, path in files.items() if worker in (None, name)}
    return ClusterLogs(found | {name: text[-lines:] for name, text in told.items() if worker in (None, name)})


def told(client: Client, workers: Mapping[str, str], lines: int, with_scheduler: bool) -> dict[str, tuple[str, ...]]:
    """What Dask keeps of the logs of processes elsewhere; nothing where nobody answers.

    Parameters
    ----------
    workers
        Addresses by name.
    """
    try:
        found = {"scheduler": client.get_scheduler_logs(n=lines)} if with_scheduler else {}
        answers = ask(client, _kept, list(workers.values()), lines)
    except (OSError, ValueError):
        return {}
    found |= {name: answers.get(address, ()) for name, address in workers.items()}
    return {name: tuple(text for _, text in reversed(entries)) for name, entries in found.items()}


def _kept(lines: int, dask_worker: Worker) -> Sequence[tuple[str, str]]:
    """Level and text of a worker's last log entries, the latest first."""
    entries: Sequence[tuple[str, str]] = dask_worker.get_logs(n=lines)
    return entries


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
