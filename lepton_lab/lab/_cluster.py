"""`lab.cluster`: start, look at and end the cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lepton_lab import cluster as stage
from lepton_lab.errors import ClusterError
from lepton_lab.events import ClusterChanged, NamesChanged
from lepton_lab.types import ClusterInfo, ClusterLogs, DeviceTable

if TYPE_CHECKING:
    from lepton_lab.cluster import Handle
    from lepton_lab.lab._lab import Lab

PRELOAD = ("lepton_lab.forkserver.preload",)
"""What each worker loads in the background, so that the first training doesn't wait for it."""


class ClusterNoun:
    """The lab's cluster; at most one at a time."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._handle: Handle | None = None
        self._ends_with_lab = False
        """Whether this lab started the cluster, and not to outlive it."""
        self._stop_monitor: Callable[[], None] = lambda: None

    @property
    def handle(self) -> Handle:
        """The live cluster.

        Raises
        ------
        ClusterError
            If none is up.
        """
        handle = self._living()
        if handle is None:
            raise ClusterError("No cluster is up: start one with %lepton cluster up (lab.cluster.up()).")
        return handle

    @property
    def is_up(self) -> bool:
        """Whether a cluster is up."""
        return self._living() is not None

    def _living(self) -> Handle | None:
        """The handle, unless there is none or its cluster has died; what a dead one left is cleared away first."""
        handle = self._handle
        if handle is None or handle.is_alive:
            return handle
        self._forget()
        self._clear(handle)
        return None

    def _forget(self) -> None:
        """Be without a cluster."""
        self._stop_monitor()
        self._handle, self._stop_monitor, self._ends_with_lab = None, lambda: None, False

    def _clear(self, handle: Handle) -> None:
        """End what a dead cluster left: the workers would wait for their scheduler a while longer."""
        try:
            handle.down()
        except ClusterError:
            pass  # another kernel has cleared it away, or is just doing so
        self._lab.events.publish(ClusterChanged(handle.name, "down"))

    def up(
        self,
        workers: int | None = None,
        *,
        device: str = "auto",
        threads: int | None = None,
        memory: str | None = None,
        detach: bool = False,
    ) -> ClusterInfo:
        """Start a cluster on this machine and connect to it.

        Parameters
        ----------
        workers
            How many; None takes one per core (or per GPU).
        device
            `auto`, `cpu`, `gpu` or `tpu`.
        threads
            Of each worker.
        memory
            Of each worker, such as `"4GB"`; None shares out what the machine (or its container) allows.
        detach
            Whether it outlives the kernel.

        Raises
        ------
        ClusterError
            If one is up already, or it does not start.
        InputError
            If an argument can't be used.
        """
        if (running := self._living()) is not None:
            raise ClusterError(
                f"The cluster {running.name!r} is up already: end it with %lepton cluster down, or change "
                "its size with %lepton cluster scale N."
            )
        handle = stage.up(
            self._lab.workspace.path("cluster"),
            name="lab",
            workers=workers,
            device=device,
            threads=threads,
            memory=memory,
            detach=detach,
            preload=PRELOAD,
            report=self._lab.events.publish,
        )
        return self._take(handle, ends_with_lab=not detach)

    def attach(self, name: str | None = None) -> ClusterInfo:
        """Connect to a cluster that an earlier kernel left running (`detach`).

        Raises
        ------
        ClusterError
            If there is none, or several and no name.
        """
        if (running := self._living()) is not None:
            raise ClusterError(f"The cluster {running.name!r} is up already: end it first with %lepton cluster down.")
        handle = stage.attach(self._lab.workspace.path("cluster"), name, report=self._lab.events.publish)
        return self._take(handle, ends_with_lab=False)

    def _take(self, handle: Handle, ends_with_lab: bool) -> ClusterInfo:
        self._handle, self._ends_with_lab = handle, ends_with_lab
        self._stop_monitor = handle.monitor(self._lab.events.publish)
        info = handle.info()
        # What the stage told came before this lab had the cluster, so whoever looked then saw none.
        self._lab.events.publish(ClusterChanged(handle.name, "running", len(info.workers)))
        return info

    def status(self) -> ClusterInfo:
        """The cluster and its workers as they are now."""
        handle = self._living()
        return handle.info() if handle is not None else ClusterInfo(name="", state="down")

    def glance(self) -> ClusterInfo:
        """The same as it was last heard of: asks nobody and changes nothing, so it never waits."""
        handle = self._handle
        return handle.glance() if handle is not None else ClusterInfo(name="", state="down")

    def others(self) -> tuple[ClusterInfo, ...]:
        """The workspace's clusters that this lab is not connected to; those that died and left something are `down`."""
        mine, all_ = self.glance(), stage.look(self._lab.workspace.path("cluster"))
        return tuple(info for info in all_ if mine.state == "down" or info.address != mine.address)

    def devices(self) -> DeviceTable:
        """Every worker's devices, with their load."""
        return self.handle.devices()

    def scale(self, workers: int) -> ClusterInfo:
        """Change the number of workers. Runs go on with as many as there are, from a checkpoint, and lose nothing."""
        leaving = set(self.handle.leaving(workers))
        self._lab.run.leave(leaving)
        try:
            self._lab.data.leave(leaving)
            self.handle.scale(workers, report=self._lab.events.publish)
        finally:
            self._lab.run.welcome()
        return self.handle.info()

    def logs(self, worker: str | None = None, *, lines: int = 20) -> ClusterLogs:
        """The last lines that the scheduler and the workers (or one of them) wrote."""
        return self.handle.logs(worker, lines=lines)

    def down(self, name: str | None = None) -> ClusterInfo:
        """End the cluster and its processes; runs that are under way end as cancelled.

        Parameters
        ----------
        name
            Of another cluster of this workspace, which an earlier kernel left or another one uses; None for this lab's.

        Raises
        ------
        ClusterError
            If none is up. One that died unnoticed is cleared away without a word.
        """
        if name is not None and (self._handle is None or self._handle.name != name):
            return self._end_other(name)
        handle = self._handle or self.handle
        self._lab.run.stop_all(handle.name)
        self._forget()
        if handle.is_alive:
            handle.down(report=self._lab.events.publish)
        else:
            self._clear(handle)
        return ClusterInfo(name="", state="down")

    def _end_other(self, name: str) -> ClusterInfo:
        if name in (info.name for info in self.others()):
            self._lab.run.stop_all(name)
        stage.end(self._lab.workspace.path("cluster"), name, report=self._lab.events.publish)
        self._lab.events.publish(NamesChanged("cluster", name))
        return self.status()

    def close(self) -> None:
        """Let go: a cluster that this lab started ends unless it is detached, any other stays up."""
        if self._handle is None:
            return
        if self._ends_with_lab:
            self.down()
            return
        handle = self._handle
        self._forget()
        handle.close()
