"""`lab.cluster`: start, look at and end the cluster."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton_lab import cluster as stage
from lepton_lab.errors import ClusterError, InputError, LeptonError
from lepton_lab.events import ClusterChanged, Event, NamesChanged
from lepton_lab.lab._adapting import Adapting
from lepton_lab.lab._settle import Settler
from lepton_lab.lab._verbs import verbs
from lepton_lab.types import ClusterInfo, ClusterLogs, DeviceTable, Invitation, Listing

if TYPE_CHECKING:
    from lepton_lab.cluster import Handle
    from lepton_lab.lab._lab import Lab

PRELOAD = ("lepton_lab.forkserver.preload",)
"""What each worker loads in the background, so that the first training doesn't wait for it."""


@verbs
class ClusterNoun:
    """The lab's cluster; at most one at a time."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._process = os.getpid()
        self._handle: Handle | None = None
        self._ends_with_lab = False
        """Whether this lab started the cluster, and not to outlive it."""
        self._given: dict[str, object] = {}
        """What it was started with by this lab; empty where it was not."""
        self._stop_monitor: Callable[[], None] = lambda: None
        self._adapting = Adapting(lab, self._scale)
        self.needing = self._adapting.needing
        self._settler = Settler(self._settle)

    @property
    def handle(self) -> Handle:
        """The live cluster.

        Raises
        ------
        ClusterError
            If none is up.
        """
        handle = self._living()
        if handle is None and os.getpid() != self._process:
            raise ClusterError("This process was forked from the one that has the lab: make another Lab() in it.")
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
        if os.getpid() != self._process:
            return None  # a forked copy: none of the threads that the handle needs are in it
        if handle is None or handle.is_alive:
            return handle
        self._forget()
        self._clear(handle)
        return None

    def _forget(self) -> None:
        """Be without a cluster."""
        self._adapting.stop()
        self._settler.stop()
        self._stop_monitor()
        self._handle, self._stop_monitor, self._ends_with_lab, self._given = None, lambda: None, False, {}

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
        cpu_workers: int = 0,
        threads: int | None = None,
        memory: str | None = None,
        adapt: str | None = None,
        host: str = "127.0.0.1",
        idle_timeout: str | None = None,
        detach: bool = False,
    ) -> ClusterInfo:
        """Start a cluster on this machine and connect to it; one that is up with the same settings stays as it is.

        Parameters
        ----------
        workers
            How many; None takes one per core (or per GPU).
        device
            `auto`, `cpu`, `gpu`, `tpu` or the kind of a plug-in (`lepton_lab.cluster.devices`).
        cpu_workers
            CPU workers beside those of the GPUs, the TPU or a plug-in's devices.
        threads
            Of each worker.
        memory
            Of each worker, such as `"4GB"`; None shares out what the machine (or its container) allows.
        adapt
            The fewest and the most workers, such as `"1:4"`: their number then goes by the work; see `adapt`.
        host
            The address of this machine at which the cluster listens; others than the default let workers of other hosts
            join it (`invite`). All is encrypted and takes this cluster's certificates, but for the gradients that the
            ranks of a training run send each other: use a network that you trust.
        idle_timeout
            Without work for so long the cluster ends itself, such as `"30 min"`; None means never, or an hour where it
            is detached.
        detach
            Whether it outlives the kernel.

        Raises
        ------
        ClusterError
            If one is up already with other settings, or it does not start.
        InputError
            If an argument can't be used.
        """
        given: dict[str, object] = {
            "workers": workers,
            "device": device,
            "cpu_workers": cpu_workers,
            "threads": threads,
            "memory": memory,
            "adapt": adapt,
            "host": host,
            "idle_timeout": idle_timeout,
            "detach": detach,
        }
        if (running := self._living()) is not None:
            return self._stay(running, given)
        handle = stage.up(
            self._lab.workspace.path("cluster"),
            name="lab",
            workers=workers,
            device=device,
            cpu_workers=cpu_workers,
            threads=threads,
            memory=memory,
            adapt=adapt,
            host=host,
            idle_timeout=idle_timeout,
            detach=detach,
            preload=PRELOAD,
            report=self._lab.events.publish,
        )
        info = self._take(handle, ends_with_lab=not detach)
        self._given = given
        return info

    def _stay(self, running: Handle, given: dict[str, object]) -> ClusterInfo:
        """Go on with the cluster that is up, as when a notebook is run again from its top.

        Raises
        ------
        ClusterError
            If it was started with other settings, or not by this lab.
        """
        info, ours, workers = running.info(), self._given, given["workers"]
        differing = [name for name in given if given[name] != ours[name]] if ours else ["name"]
        if differing == ["workers"] and workers == len(info.workers):
            differing = []
        if not differing:
            is_scaled = (
                given["adapt"] is None and isinstance(given["workers"], int) and given["workers"] != len(info.workers)
            )
            since = f", and scaled since: %lepton cluster scale {given['workers']} takes that back" if is_scaled else ""
            return replace(info, notes=(*info.notes, f"it was up already, with the same settings{since}"))
        scale = ", or change its size with %lepton cluster scale N" if "workers" in differing or not ours else ""
        others = ", ".join(
            f"--{name.replace('_', '-')} (it has {_written(ours[name])}, asked for is {_written(given[name])})"
            for name in differing
            if ours
        )
        raise ClusterError(
            f"The cluster {running.name!r} is up already: end it with %lepton cluster down first{scale}. "
            + (f"Its settings differ in {others}." if ours else "It was started elsewhere.")
        )

    def attach(
        self,
        name: str | None = None,
        *,
        address: Any = None,
        tls_ca: str | None = None,
        tls_cert: str | None = None,
        tls_key: str | None = None,
    ) -> ClusterInfo:
        """Connect to a cluster that an earlier kernel left running (`detach`), or that somebody else started.

        Parameters
        ----------
        name
            Which of the workspace's clusters; or what to call the one at an address.
        address
            Of a Dask scheduler: `"tls://host:8786"`, the path of its scheduler file, or a Dask client or cluster, such
            as dask-gateway, dask-jobqueue and dask-kubernetes give. Such a cluster is used, and neither scaled nor
            ended here. Its workers need Lepton Lab in the same version.
        tls_ca, tls_cert, tls_key
            PEM files for an address with TLS: the authority's certificate, the client's, and its key.

        Raises
        ------
        ClusterError
            If there is none, or several and no name; nobody answers; or the workers' versions don't fit.
        InputError
            If an argument can't be used.
        """
        if (running := self._living()) is not None:
            raise ClusterError(f"The cluster {running.name!r} is up already: end it first with %lepton cluster down.")
        files = (tls_ca, tls_cert, tls_key)
        if any(files) and not all(files):
            raise InputError("--tls-ca, --tls-cert and --tls-key go together: give all three, or none.")
        handle = stage.attach(
            self._lab.workspace.path("cluster"),
            name,
            address=address,
            tls=stage.Tls(*map(str, files)) if any(files) else None,
            preload=PRELOAD,
            report=self._lab.events.publish,
        )
        return self._take(handle, ends_with_lab=False)

    def _take(self, handle: Handle, ends_with_lab: bool) -> ClusterInfo:
        self._handle, self._ends_with_lab, self._given = handle, ends_with_lab, {}
        self._stop_monitor = handle.monitor(self._hear)
        self._adapting.begin(handle)
        info = handle.info()
        # What the stage told came before this lab had the cluster, so whoever looked then saw none.
        self._lab.events.publish(ClusterChanged(handle.name, "running", len(info.workers)))
        return info

    def _settle(self) -> None:
        if self.is_up:
            with suppress(LeptonError, OSError):  # it is going down just now
                self._lab.data.replace_lost()

    def _hear(self, event: Event) -> None:
        """Pass on what the monitor tells; shards follow the workers."""
        self._lab.events.publish(event)
        if isinstance(event, ClusterChanged) and event.message:
            self._settler()

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
        self._adapting.stop()
        if self.handle.bounds is not None:
            self.handle.adapt(None)
        return self._scale(workers)

    def _scale(self, workers: int) -> ClusterInfo:
        leaving = set(self.handle.leaving(workers))
        self._lab.run.leave(leaving)
        try:
            self._lab.data.leave(leaving)
            self.handle.scale(workers, report=self._lab.events.publish)
        finally:
            self._lab.run.welcome()
        return self.handle.info()

    def adapt(self, bounds: str) -> ClusterInfo:
        """Let the number of workers go by the work: more at once when it comes, fewer when they were idle for a while.

        It does so as long as a kernel is connected; `scale` ends it.

        Parameters
        ----------
        bounds
            The fewest and the most workers, such as `"1:4"`.
        """
        parsed = stage.parse_adapt(bounds)
        self._adapting.stop()
        self.handle.adapt(parsed)
        self._adapting.begin(self.handle)
        return self.handle.info()

    def invite(self, to: Path | str = "lepton-invitation.json") -> Invitation:
        """Write a file with which another host's workers may join: `python -m lepton_lab.cluster.join FILE` there.

        Whoever has the file can run code on the cluster, so hand it on as you would a password.

        Parameters
        ----------
        to
            The file, which its owner alone can read.

        Raises
        ------
        ClusterError
            If the cluster can't be reached from other hosts: it was started without `host`.
        """
        path = Path(to).expanduser().absolute()
        self.handle.invite(path)
        return Invitation(path, self.handle.name)

    def list(self) -> Listing:
        """All clusters of the workspace, also those that an earlier kernel left, or that died and left something."""
        rows = [
            (
                info.name,
                "connected" if info.address == self.glance().address else info.state,
                len(info.workers),
                "outlives its kernel" if info.detached else "ends with its kernel",
                info.address,
            )
            for info in stage.look(self._lab.workspace.path("cluster"))
        ]
        return Listing(
            "Clusters",
            ("name", "state", "workers", "", "address"),
            tuple(rows),
            "none: start one with %lepton cluster up",
        )

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


def _written(value: object) -> str:
    return "the default" if value is None else str(value)
