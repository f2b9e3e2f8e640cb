"""The shards of a lab's data sets: cut, placed on the workers that there are, and removed with all their copies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lepton_lab import data as stage
from lepton_lab.errors import ClusterError, InputError, LeptonError
from lepton_lab.events import NamesChanged, Progress
from lepton_lab.types import Dataset, ShardSet

if TYPE_CHECKING:
    from lepton_lab.lab._lab import Lab


def names(lab: Lab) -> tuple[str, ...]:
    """The data sets that have shards."""
    return lab.workspace.names("shards", "shards.json")


def read(lab: Lab, name: str) -> ShardSet:
    """A data set's shards, as they were last placed."""
    return stage.read_shards(lab.workspace.path("shards", name))


@contextmanager
def _alone(lab: Lab, name: str) -> Iterator[None]:
    """Keep other threads and other kernels from changing a data set's shards meanwhile; waits for them."""
    # A folder that is there anyway is locked, so that work which is refused leaves no file behind.
    folders = [lab.workspace.path(kind, name) for kind in ("data", "shards")]
    descriptor = os.open(next((folder for folder in folders if folder.is_dir()), folders[0]), os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def cut(lab: Lab, dataset: Dataset, replicas: int | None, **options: Any) -> ShardSet:
    """Cut a data set into shards in place of those that it has, and place them if there is a cluster."""
    _check(lab, replicas)
    folder, report = lab.workspace.path("shards", dataset.name), lab.events.publish
    with _alone(lab, dataset.name):
        old = _old(lab, dataset.name)
        shards = stage.shard(dataset, folder, replicas=replicas, **options, report=report)
        try:
            if lab.cluster.is_up:
                handle, kept = lab.cluster.handle, {shard.checksum for shard in shards.shards}
                if old is not None:
                    gone = tuple(shard for shard in old.shards if shard.checksum not in kept)
                    _forget(lab, replace(old, shards=gone))
                shards = stage.spread(shards, handle.client, handle.workers, report=report)
        finally:
            report(NamesChanged("shard set", dataset.name))
    return shards


def drop(lab: Lab, name: str) -> None:
    """Remove a data set's shards, if it has some, and their copies on the workers' hosts."""
    if name not in names(lab):
        return
    with _alone(lab, name):
        if (old := _old(lab, name)) is not None:
            _forget(lab, old)
        lab.workspace.drop("shards", name)


def _old(lab: Lab, name: str) -> ShardSet | None:
    """The shards that are to go; None if there are none, or their record is damaged."""
    with suppress(LeptonError):
        return read(lab, name)
    return None


def _forget(lab: Lab, shards: ShardSet) -> None:
    if shards.shards and lab.cluster.is_up:
        with suppress(LeptonError):  # what stays on a host that can't be reached is removed there in time
            stage.forget(shards, lab.cluster.handle.client, lab.cluster.handle.workers)


def place(
    lab: Lab, name: str, *, replicas: int | None = None, deep: bool = False, leaving: Collection[str] = ()
) -> ShardSet:
    """Place a data set's shards on the workers that there are now.

    Parameters
    ----------
    replicas
        On how many workers each is to be from now on; None leaves that as it is.
    deep
        Whether to compare all checksums.
    leaving
        Names of workers that give away what they have.
    """
    _check(lab, replicas)
    handle = lab.cluster.handle
    with _alone(lab, name):
        shards = read(lab, name)
        if replicas not in (None, shards.replicas):
            shards = replace(shards, replicas=replicas)
            stage.save_shards(shards)
        placed = stage.spread(
            shards, handle.client, handle.workers, leaving=leaving, deep=deep, report=lab.events.publish
        )
    if placed != shards:
        lab.events.publish(NamesChanged("shard set", name))
    return placed


def place_all(lab: Lab, leaving: Collection[str] = ()) -> tuple[ShardSet, ...]:
    """Place the shards of all data sets; gives those of which something changed. What can't be placed is told of."""
    changed = []
    for name in names(lab) if lab.cluster.is_up else ():
        try:
            before = read(lab, name)
            after = place(lab, name, leaving=leaving)
        except LeptonError as error:
            _tell(lab, name, error)
            continue
        if after != before or after.moves:
            changed.append(after)
    return tuple(changed)


def place_for_training(lab: Lab, name: str) -> ShardSet:
    """The same before a training, which copies that can't be made don't hold up: its ranks read the workspace."""
    try:
        return place(lab, name)
    except ClusterError as error:
        if not lab.cluster.is_up:
            raise
        _tell(lab, name, error)
        return read(lab, name)


def _tell(lab: Lab, name: str, error: LeptonError) -> None:
    """Tell of shards that could not be placed."""
    lab.events.publish(Progress(f"data place {name}", f"not placed: {error}"))


def _check(lab: Lab, replicas: int | None) -> None:
    """Refuse more copies than there are workers."""
    if replicas is not None and lab.cluster.is_up:
        num = len(lab.cluster.handle.workers())
        if replicas > num:
            raise InputError(
                f"--replicas is {replicas}, but the cluster has {num} worker(s), and each copy needs its own: ask "
                f"for less, or %lepton cluster scale {replicas}."
            )
