"""A cluster in the hands of a kernel."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton_lab.asking import ask
from lepton_lab.cluster import _connect, _dashboard, _invite, _logs, _probe, _record, _scale, _sight, _tls
from lepton_lab.cluster._end import PATIENCE
from lepton_lab.cluster._monitor import Monitor
from lepton_lab.cluster._record import Record
from lepton_lab.cluster._roll import EXITS, Roll, exits_from
from lepton_lab.cluster._start import LOOPBACK
from lepton_lab.cluster._worker import METRIC
from lepton_lab.errors import ClusterError
from lepton_lab.events import ClusterChanged, Progress, Report, ignore
from lepton_lab.types import ClusterInfo, ClusterLogs, Device, DeviceTable, Sight, WorkerInfo

if TYPE_CHECKING:
    from distributed import Client


class Handle:
    """A cluster that was started or joined; made by `up` and `attach`.

    Parameters
    ----------
    record
        The cluster's record; None for a cluster that isn't this machine's own, which can be used but not changed.
    client
        Connected already; by default one is connected when it is first needed.
    name
        What to call a cluster without a record.
    seconds
        How long it took to come up; told once, by the first `info`.
    is_attached
        Whether it was started elsewhere.
    how
        For a cluster without a record: the arguments of `attach` with which another process joins it.
    notes
        What a person should know of it.
    is_lent
        Whether the client is somebody else's, and stays connected when this lets go.
    """

    def __init__(
        self,
        record: Record | None,
        client: Client | None = None,
        *,
        name: str = "",
        seconds: float | None = None,
        is_attached: bool = False,
        how: Mapping[str, Any] | None = None,
        notes: tuple[str, ...] = (),
        is_lent: bool = False,
    ) -> None:
        self._record, self._client, self._seconds = record, client, seconds
        self._is_attached, self._how, self._notes, self._is_lent = is_attached, how or {}, notes, is_lent
        self.name = record.name if record else name
        self._address = record.address if record else str(client.scheduler.address) if client else ""
        self._described: Mapping[str, Mapping[str, Any]] = {}
        """What the scheduler last said of its workers."""
        self._roll = Roll(self._expected, lambda address: _connect.has_left(self.client, address))
        self._asking = threading.Lock()
        self._devices: dict[str, tuple[Device, ...]] = {}
        self._seen: set[tuple[Path, str]] = set()
        """Folders, and the addresses of workers that see them."""
        self._monitors: list[Monitor] = []
        self._ended = False

    @property
    def client(self) -> Client:
        """Dask's client, connected.

        Raises
        ------
        ClusterError
            If the cluster is down.
        """
        self._check_up()
        if self._client is None or self._client.status == "closed":
            if self._record is None:
                raise ClusterError(f"The connection to {self._address} is closed: attach to it again.")
            try:
                self._client = _connect.connect(self._address, _tls.client_security(self._record.tls), 10.0)
            except OSError as error:
                raise ClusterError(no_answer(self._record, error)) from None
        return self._client

    @property
    def is_alive(self) -> bool:
        """Whether the scheduler runs, without asking it: one that is busy for a moment is alive.

        Of a cluster elsewhere only the connection is known: it counts as alive until Dask has given it up.
        """
        if self._ended:
            return False
        if self._record is not None:
            return self._record.is_alive()
        return self._client is not None and self._client.status != "closed"

    def _check_up(self) -> None:
        if self._ended or (self._record is not None and not self._record.is_alive()):
            raise ClusterError(f"The cluster {self.name!r} is down: start one with `%lepton cluster up`.")

    def _expected(self) -> tuple[str, ...]:
        return tuple(worker.name for worker in self._record.reloaded().workers) if self._record is not None else ()

    def _ask(self) -> Mapping[str, Mapping[str, Any]]:
        client = self.client
        with self._asking:
            described = self._described = _connect.describe(client)
            news = self._roll.call(described, exits_from(_connect.events(client, EXITS)))
        for monitor in tuple(self._monitors) if news else ():
            monitor.report(ClusterChanged(self.name, "running", len(described), "; ".join(news)))
        return described

    def _look_after(self) -> Mapping[str, Mapping[str, Any]]:
        """What the scheduler says; new workers tell their devices, and those that lost their nanny get another."""
        described = self._ask()
        self._probe(described)
        # What this starts would end with this kernel, so somebody else's cluster is left to its own kernel.
        if self._record is not None and (self._record.detached or not self._is_attached):
            with suppress(ClusterError):  # it is being changed just now
                self._record = _scale.revive(self._record.reloaded(), {worker.name for worker in self._roll.here})
        return described

    def _describe(self) -> Mapping[str, Mapping[str, Any]]:
        try:
            return self._ask()
        except OSError as error:
            raise ClusterError(
                f"The cluster {self.name!r} does not answer ({error}): end it with "
                "`%lepton cluster down` and start it again."
            ) from None

    def info(self) -> ClusterInfo:
        """The cluster as it is now; its state is `down` once it has ended, however it did."""
        try:
            described = self._describe()
        except ClusterError:
            return ClusterInfo(self.name, "down")
        self._probe(described)
        seconds, self._seconds = self._seconds, None
        return replace(self.glance(), seconds=seconds)

    def glance(self) -> ClusterInfo:
        """The cluster as it was last heard of: a second ago at most, where it is monitored. Waits for nobody."""
        if not self.is_alive:
            return ClusterInfo(self.name, "down")
        record, described = self._record, self._described
        dashboard = _dashboard.link(record.dashboard_port) if record and record.dashboard_port else ""
        if record is None and self._client is not None:
            dashboard = str(self._client.dashboard_link or "")
        return ClusterInfo(
            self.name,
            "running",
            self._address,
            dashboard,
            self._roll.here,
            self._roll.missing,
            record.detached if record else True,
            record.folder if record else None,
            self._table(described),
            is_attached=self._is_attached,
            notes=(*self._notes, *(_tls.warnings(record.tls) if record else ())),
            adapt=self.bounds,
        )

    def how_to_attach(self, folder: Path) -> dict[str, Any]:
        """The arguments of `attach` with which another process joins this cluster.

        Parameters
        ----------
        folder
            Where the records of clusters lie.

        Raises
        ------
        ClusterError
            If its own was removed.
        """
        if self._record is not None and not (self._record.folder / "cluster.json").is_file():
            raise ClusterError(
                f"The cluster {self.name!r} is up, but its folder {self._record.folder} was removed, so that nothing "
                "can join it: end it (%lepton cluster down), and start it again (%lepton cluster up)."
            )
        return {"folder": folder, "name": self.name, **self._how}

    @property
    def dashboard(self) -> str:
        """The dashboard's address on this machine itself, also where `info` gives the one through a proxy."""
        port = self._record.dashboard_port if self._record else 0
        return _dashboard.plain_link(port) if port else ""

    def workers(self) -> tuple[WorkerInfo, ...]:
        """The workers that the scheduler knows now."""
        self._describe()
        return self._roll.here

    def sight(self, folder: Path) -> Sight:
        """Which of them see a folder of this machine; those of other hosts are asked until they do."""
        workers = self.workers()
        is_local = self._record is not None and self._record.host == LOOPBACK
        unsure = [w.address for w in workers if not is_local and (folder, w.address) not in self._seen]
        told = _sight.who_sees(self.client, folder, unsure) if unsure else {}
        self._seen |= {(folder, address) for address, sees in told.items() if sees}
        blind = tuple(worker for worker in workers if told.get(worker.address) is False)
        return Sight(folder, tuple(worker for worker in workers if worker not in blind), blind)

    def devices(self) -> DeviceTable:
        """The devices of every worker, and how busy they are."""
        described = self._describe()
        self._probe(described)
        return self._table(described)

    def _probe(self, described: Mapping[str, Mapping[str, Any]]) -> None:
        """Ask the workers that have not told yet which devices they have."""
        unknown = [address for address in described if address not in self._devices]
        if unknown:  # one that doesn't answer is asked again the next time
            self._devices.update(ask(self.client, _probe.probe, unknown))

    def _table(self, described: Mapping[str, Mapping[str, Any]]) -> DeviceTable:
        rows = []
        for worker in _connect.worker_infos(described):
            load = described[worker.address].get("metrics", {}).get(METRIC, {})
            rows += [_probe.with_load(device, load) for device in self._devices.get(worker.address, ())]
        return DeviceTable(tuple(rows))

    def leaving(self, workers: int) -> tuple[str, ...]:
        """Names of the workers that `scale` to this number would retire."""
        return _scale.leaving(self._record, workers) if self._record is not None else ()

    def scale(self, workers: int, report: Report = ignore) -> ClusterInfo:
        """Start more workers, or retire the last ones; done when the scheduler knows them, or no longer.

        Raises
        ------
        InputError
            If the number can't be had.
        ClusterError
            If the cluster is not this machine's own, is down, or workers did not start.
        """
        if self._record is None:
            raise ClusterError(f"{self._address} was not started by this lab: scale it where it was started.")
        self._check_up()
        self._record = _scale.scale(self._record, self.client, workers, report)
        info = self.info()
        report(ClusterChanged(self.name, "running", workers))
        return info

    @property
    def bounds(self) -> tuple[int, int] | None:
        """The fewest and the most workers, where their number is to go by the work; else None."""
        return self._record.adapt if self._record is not None else None

    def adapt(self, bounds: tuple[int, int] | None) -> None:
        """Remember that the number of workers goes by the work, or no longer does."""
        if self._record is None:
            raise ClusterError(f"{self._address} was not started by this lab: adapt it where it was started.")
        self._record = _scale.adapt(self._record, bounds)

    def num_wanted(self) -> int:
        """How many workers the scheduler thinks there is work for."""
        return int(self.client.sync(self.client.scheduler.adaptive_target))

    def invite(self, path: Path) -> None:
        """Write the file with which another host's workers may join (`python -m lepton_lab.cluster.join`).

        Raises
        ------
        ClusterError
            If the cluster can't be reached from there, or isn't this machine's own.
        """
        if self._record is None:
            raise ClusterError(f"{self._address} was not started by this lab: add workers where it was started.")
        self._check_up()
        _invite.write_pass(self._record, path)

    def logs(self, worker: str | None = None, lines: int = 50) -> ClusterLogs:
        """The last lines that each process wrote: `"scheduler"`, `"nanny"` (which starts workers), `"w0"` and so on.

        Of processes on other hosts they are those that Dask keeps, without what was printed.
        """
        self._check_up()
        if self._record is None:
            self._describe()
        far = {w.name: w.address for w in self._roll.here if self._record is None or w.host != self._record.host}
        told = _logs.told(self.client, far, lines, with_scheduler=self._record is None) if far else {}
        return _logs.read_logs(self._record.logs if self._record is not None else None, worker, lines, told)

    def monitor(self, report: Report) -> Callable[[], None]:
        """Report a `WorkerLoad` for each worker once a second, on a thread; returns what ends that.

        Workers that come and go unasked are told by a `ClusterChanged` with a message.
        """
        monitor = Monitor(self._look_after, report)
        self._monitors.append(monitor)
        return monitor.stop

    def down(self, report: Report = ignore) -> ClusterInfo:
        """End all of the cluster's processes and remove its folder; only disconnect from one that isn't our own.

        Raises
        ------
        ClusterError
            If it is down already, or another kernel has ended it; one of the same name that was started since stays.
        """
        if self._ended:
            raise ClusterError(f"The cluster {self.name!r} is down already: start one with `%lepton cluster up`.")
        report(Progress("cluster down", f"ending cluster {self.name}", 0.0))
        self.close()
        self._ended = True
        if self._record is not None:
            with _record.locked(self._record.folder.parent, self.name):
                now = _record.load(self._record.folder)
                if now is None and self._record.is_alive():
                    now = self._record  # its folder was removed under it
                if now is None or now.processes[:1] != self._record.processes[:1]:
                    raise ClusterError(f"The cluster {self.name!r} was ended by another kernel already.")
                now.remove(PATIENCE)
        report(Progress("cluster down", "done", 1.0))
        report(ClusterChanged(self.name, "down"))
        return ClusterInfo(self.name, "down")

    def close(self) -> None:
        """Disconnect; the cluster stays as it is."""
        for monitor in self._monitors:
            monitor.stop()
        self._monitors.clear()
        client, self._client = self._client, None
        if not self._is_lent:
            _connect.close(client)


def no_answer(record: Record, error: Exception) -> str:
    """What to say when a cluster's scheduler can't be reached."""
    ended = _tls.expired(record.tls)
    why = f"its certificates were good until {ended}" if ended else f"{error}"
    return (
        f"The cluster {record.name!r} does not answer at {record.address} ({why}): look at its logs in {record.logs}, "
        "or end it with `%lepton cluster down` and start it again."
    )
