"""The load of every worker over time."""

from __future__ import annotations

import time
from collections.abc import Mapping

from lepton_lab.display import Table
from lepton_lab.events import ClusterChanged, Event, WorkerLoad
from lepton_lab.panels._base import HasEvents, Panel
from lepton_lab.panels._picture import Line, Picture, Plot, legend, natural, styles

PLOTS = (
    ("cpu", "CPU", "% of a core", 0),
    ("memory", "Memory", "GB", 2),
    ("received", "Network in", "MB/s", 2),
    ("sent", "Network out", "MB/s", 2),
    ("read", "Disk read", "MB/s", 2),
    ("written", "Disk write", "MB/s", 2),
)
ACCELERATOR_PLOTS = (
    ("accelerator", "{}", "%", 0),
    ("accelerator_memory", "{} memory", "GB", 2),
    ("accelerator_power", "{} power", "W", 0),
    ("accelerator_temperature", "{} temperature", "\N{DEGREE SIGN}C", 0),
)
COLUMNS = tuple(column for column, *_ in (*PLOTS, *ACCELERATOR_PLOTS))
STALE = 5.0
"""Seconds: a worker that was silent for so long, while another one spoke, has gone."""
NEWS = 10.0
"""Seconds for which the title says which workers came and went."""


class DevicesPanel(Panel):
    """CPU, memory, network, disks and accelerators of every worker; ends when the cluster goes down."""

    name = "devices"
    listens = (WorkerLoad, ClusterChanged)

    def __init__(self, lab: HasEvents) -> None:
        self._cluster, self._state = "", ""
        self._news, self._news_time = "", 0.0
        self._latest: dict[str, WorkerLoad] = {}
        self._columns: dict[str, set[str]] = {}
        """What each worker has told of; some accelerators tell nothing."""
        self._kinds: set[str] = set()
        self._peaks: dict[str, tuple[float, str]] = {}
        super().__init__(lab)

    def _take(self, event: Event) -> bool:
        if isinstance(event, ClusterChanged):
            if self._state == "down" and event.state != "down":
                self._clear()
            self._cluster, self._state = event.name, event.state
            if event.message:
                self._news, self._news_time = event.message, event.time
            return event.state == "down"
        if isinstance(event, WorkerLoad):
            values = measured(event)
            self._latest[event.worker] = event
            self._kinds.update(each.kind for each in event.accelerators)
            self._history(event.worker, COLUMNS).add(event.time, values)
            self._columns.setdefault(event.worker, set()).update(values)
            for column, value in values.items():
                self._peaks[column] = max(
                    self._peaks.get(column, (value, event.worker)), (value, event.worker), key=lambda peak: peak[0]
                )
        return False

    def _clear(self) -> None:
        """Forget a cluster that is gone: another one begins."""
        self._histories.clear()
        self._latest.clear()
        self._columns.clear()
        self._kinds.clear()
        self._peaks.clear()

    def _shown(self) -> tuple[tuple[str, str, str, int], ...]:
        """The plots: column, title, unit and decimals; those of accelerators where they tell it."""
        called = next(iter(self._kinds)).upper() if len(self._kinds) == 1 else "Device"
        told = (plot for plot in ACCELERATOR_PLOTS if plot[0] in self._peaks)
        return PLOTS + tuple((column, title.format(called), unit, digits) for column, title, unit, digits in told)

    def _picture(self) -> Picture:
        look = styles(self._histories)
        plots = []
        for column, title, unit, digits in self._shown():
            title = f"{title}, {unit}"
            if column in self._peaks:
                value, worker = self._peaks[column]
                title += f" (peak {value:,.{digits}f}, {worker})"
            lines = tuple(Line(name, name, column, *look[name]) for name in look if column in self._columns[name])
            plots.append(Plot(title, unit, lines, digits=digits))
        return Picture(self._title(), tuple(plots), legend(look))

    def _title(self) -> str:
        if not self._latest:
            return "Devices: no worker has told its load yet"
        state = f", {self._state}" if self._state else ""
        num = len(present(self._latest))
        news = f"; {self._news}" if time.time() - self._news_time < NEWS else ""
        return f"Devices of {self._cluster or 'the cluster'}: {num} worker{'s' if num > 1 else ''}{state}{news}"

    def table(self) -> Table:
        with self._lock:
            shown = self._shown()
            rows = [
                (
                    name,
                    *(f"{measured(self._latest[name]).get(column, 0.0):,.{digits}f}" for column, _, _, digits in shown),
                )
                for name in natural(present(self._latest))
            ]
            if rows:
                rows.append(
                    (
                        "peak",
                        *(f"{self._peaks.get(column, (0.0, ''))[0]:,.{digits}f}" for column, _, _, digits in shown),
                    )
                )
            return Table(self._title(), ("worker", *(f"{title}, {unit}" for _, title, unit, _ in shown)), rows)


def present(latest: Mapping[str, WorkerLoad]) -> dict[str, WorkerLoad]:
    """The loads of the workers that are still there, of the last one that each has told."""
    newest = max((load.time for load in latest.values()), default=0.0)
    return {name: load for name, load in latest.items() if newest - load.time < STALE}


def measured(load: WorkerLoad) -> dict[str, float]:
    """A load in the units of the plots.

    Of accelerators, as far as they tell it, mean utilisation, memory and power in all, and the highest temperature.
    """
    values = {
        "cpu": load.cpu_percent,
        "memory": load.memory / 1e9,
        "received": load.read_bps / 1e6,
        "sent": load.write_bps / 1e6,
        "read": load.disk_read_bps / 1e6,
        "written": load.disk_write_bps / 1e6,
    }
    if busy := [each.utilization for each in load.accelerators if each.utilization is not None]:
        values["accelerator"] = sum(busy) / len(busy)
    if used := [each.memory for each in load.accelerators if each.memory is not None]:
        values["accelerator_memory"] = sum(used) / 1e9
    if watts := [each.power for each in load.accelerators if each.power is not None]:
        values["accelerator_power"] = sum(watts)
    if degrees := [each.temperature for each in load.accelerators if each.temperature is not None]:
        values["accelerator_temperature"] = max(degrees)
    return values


PANEL = DevicesPanel
