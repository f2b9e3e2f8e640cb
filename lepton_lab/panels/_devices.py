"""The load of every worker over time."""

from __future__ import annotations

from lepton_lab.display import Table
from lepton_lab.events import Bus, ClusterChanged, Event, WorkerLoad
from lepton_lab.panels._base import Panel
from lepton_lab.panels._picture import Line, Picture, Plot, natural, styles

PLOTS = (
    ("cpu", "CPU", "% of a core", 0),
    ("memory", "Memory", "GB", 2),
    ("received", "Network in", "MB/s", 2),
    ("sent", "Network out", "MB/s", 2),
)
GPU_PLOTS = (("gpu", "GPU", "%", 0), ("gpu_memory", "GPU memory", "GB", 2))
COLUMNS = tuple(column for column, *_ in PLOTS + GPU_PLOTS)


class DevicesPanel(Panel):
    """CPU, memory, network and GPUs of every worker; ends when the cluster goes down."""

    name = "devices"
    listens = (WorkerLoad, ClusterChanged)

    def __init__(self, events: Bus) -> None:
        self._cluster, self._state, self._has_gpus = "", "", False
        self._latest: dict[str, WorkerLoad] = {}
        self._peaks: dict[str, tuple[float, str]] = {}
        super().__init__(events)

    def _take(self, event: Event) -> bool:
        if isinstance(event, ClusterChanged):
            if self._state == "down" and event.state != "down":
                self._clear()
            self._cluster, self._state = event.name, event.state
            return event.state == "down"
        if isinstance(event, WorkerLoad):
            values = measured(event)
            self._has_gpus = self._has_gpus or bool(event.gpus)
            self._latest[event.worker] = event
            self._history(event.worker, COLUMNS).add(event.time, values)
            for column, value in values.items():
                self._peaks[column] = max(
                    self._peaks.get(column, (value, event.worker)), (value, event.worker), key=lambda peak: peak[0]
                )
        return False

    def _clear(self) -> None:
        """Forget a cluster that is gone: another one begins."""
        self._histories.clear()
        self._latest.clear()
        self._peaks.clear()
        self._has_gpus = False

    def _picture(self) -> Picture:
        look = styles(self._histories)
        plots = []
        for column, title, unit, digits in PLOTS + (GPU_PLOTS if self._has_gpus else ()):
            title = f"{title}, {unit}"
            if column in self._peaks:
                value, worker = self._peaks[column]
                title += f" (peak {value:,.{digits}f}, {worker})"
            lines = tuple(Line(name, name, column, *look[name]) for name in look)
            plots.append(Plot(title, unit, lines, digits=digits))
        return Picture(self._title(), tuple(plots), plots[0].lines)

    def _title(self) -> str:
        if not self._latest:
            return "Devices: no worker has told its load yet"
        state = f", {self._state}" if self._state else ""
        num = len(self._latest)
        return f"Devices of {self._cluster or 'the cluster'}: {num} worker{'s' if num > 1 else ''}{state}"

    def table(self) -> Table:
        with self._lock:
            shown = PLOTS + (GPU_PLOTS if self._has_gpus else ())
            rows = [
                (
                    name,
                    *(f"{measured(self._latest[name]).get(column, 0.0):,.{digits}f}" for column, _, _, digits in shown),
                )
                for name in natural(self._latest)
            ]
            if rows:
                rows.append(
                    (
                        "peak",
                        *(f"{self._peaks.get(column, (0.0, ''))[0]:,.{digits}f}" for column, _, _, digits in shown),
                    )
                )
            return Table(self._title(), ("worker", *(f"{title}, {unit}" for _, title, unit, _ in shown)), rows)


def measured(load: WorkerLoad) -> dict[str, float]:
    """A load in the units of the plots; GPU figures only where there are GPUs (mean utilisation, memory in all)."""
    values = {
        "cpu": load.cpu_percent,
        "memory": load.memory / 1e9,
        "received": load.read_bps / 1e6,
        "sent": load.write_bps / 1e6,
    }
    if load.gpus:
        values["gpu"] = sum(gpu.utilization for gpu in load.gpus) / len(load.gpus)
        values["gpu_memory"] = sum(gpu.memory for gpu in load.gpus) / 1e9
    return values


PANEL = DevicesPanel
