"""What the control groups of this process allow it: those of its own group and of all above it.

A container's limits stand in the files at the root of what it sees mounted; those of a batch system or of a systemd
slice stand in the group that `/proc/self/cgroup` names, or in one above it. Version 1 has a tree for each controller,
version 2 one for all; machines may have both.
https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_MOUNT = "sys/fs/cgroup"


@dataclass(frozen=True)
class Limits:
    """What is allowed; infinite where nothing is said."""

    cores: float = math.inf
    """CPU time in seconds per second."""
    memory: float = math.inf
    """Bytes."""


def limits(root: Path = Path("/")) -> Limits:
    """The least of all groups that this process is in; no limits on systems without control groups."""
    groups = tuple(_groups(root))
    return Limits(_least(groups, (_quota, _quota_v1)), _least(groups, (_memory, _memory_v1)))


def _least(groups: Iterable[Path], readers: tuple[Callable[[Path], float], ...]) -> float:
    found = [math.inf]
    for group in groups:
        for read in readers:
            try:
                found.append(read(group))
            except (OSError, ValueError):
                pass  # this group doesn't say it, or not in this version's way
    return min(found)


def _groups(root: Path) -> Iterator[Path]:
    """The folders of this process's groups, and those above them as far as they can be seen.

    In a container the path may be the host's, whose folders aren't there; then what is mounted is the own group.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        names = {"", "unified"} if not controllers else {controllers, *controllers.split(",")}
        own = PurePosixPath(path.strip("/"))
        if ".." in own.parts:
            own = PurePosixPath()  # outside of the namespace: only what is mounted can be read
        yield from (root / _MOUNT / name / part for name in names for part in (own, *own.parents))


def _quota(group: Path) -> float:
    quota, period = (group / "cpu.max").read_text().split()
    return math.inf if quota == "max" else float(quota) / float(period)


def _quota_v1(group: Path) -> float:
    quota = float((group / "cpu.cfs_quota_us").read_text())
    return quota / float((group / "cpu.cfs_period_us").read_text()) if quota > 0 else math.inf


def _memory(group: Path) -> float:
    text = (group / "memory.max").read_text().strip()
    return math.inf if text == "max" else int(text)


def _memory_v1(group: Path) -> float:
    return int((group / "memory.limit_in_bytes").read_text())
