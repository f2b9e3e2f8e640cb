"""The lab at a glance."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lepton_lab.display import Shown, Table, size
from lepton_lab.types._bundle import Bundle
from lepton_lab.types._cluster import ClusterInfo
from lepton_lab.types._data import Dataset, ShardSet
from lepton_lab.types._model import Model, Run


@dataclass(frozen=True)
class Listing(Shown):
    """Several values of one kind, a row each."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    empty: str = ""
    """Said instead of the rows where there are none."""
    notes: tuple[str, ...] = ()

    def table(self) -> Table:
        return Table(self.title, self.header, self.rows, notes=[*self.notes, *([] if self.rows else [self.empty])])


@dataclass(frozen=True)
class Status(Shown):
    """The lab at a glance."""

    workspace: Path
    cluster: ClusterInfo
    datasets: tuple[Dataset, ...]
    shard_sets: tuple[ShardSet, ...]
    models: tuple[Model, ...]
    runs: tuple[Run, ...]
    exports: tuple[Bundle, ...]

    def table(self) -> Table:
        up, number = self.cluster.state == "running", len(self.cluster.workers)
        workers = f"{number} worker{'' if number == 1 else 's'}" if up else "not up"
        rows: list[tuple[str, str, str]] = [("cluster", self.cluster.name if up else "-", workers)]
        sharded = {s.dataset: f", {len(s.shards)} shards by {s.by}" for s in self.shard_sets}
        rows += [
            ("data set", d.name, f"{sum(d.splits.values()):,} rows{sharded.get(d.name, '')}") for d in self.datasets
        ]
        rows += [
            (
                "model",
                m.name,
                f"{m.stage}, {m.num_parameters:,} parameters"
                + "".join(f", {k} {v:.4f}" for k, v in m.metrics.items() if k.endswith("accuracy")),
            )
            for m in self.models
        ]
        rows += [("run", r.id, f"{r.model} on {r.dataset}, {r.state}") for r in self.runs]
        rows += [("export", b.path.name, f"{b.model} as {b.format}, {size(b.num_bytes)}") for b in self.exports]
        return Table("Lepton Lab", ("", "name", ""), rows, notes=[f"workspace {self.workspace}"])
