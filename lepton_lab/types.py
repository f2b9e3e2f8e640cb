"""The values that one stage hands to the next.

Each is frozen, and each shows itself as a table. A value names the folder or file that holds its bytes; nothing here
reads them. In the order that data flows: `Dataset`, `ShardSet`, `Cluster...`, `Model`, `Run`, `Evaluation`,
`CompressedModel`, `Bundle`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lepton_lab.display import Shown, Table, duration, size

RUN_STATES = ("starting", "running", "stopping", "done", "failed", "cancelled")
"""The states of a training run; the last three are final."""
FINAL_STATES = RUN_STATES[3:]


# --- 1 data ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Target:
    """What a model is to learn of a data set."""

    kind: Literal["classes", "numbers"]
    """`classes`: whole numbers from 0 that stand for classes; `numbers`: one float32 a row, for regression."""
    name: str = "label"
    """The column's name, where the source had one."""
    classes: tuple[str, ...] = ()
    """The class names, in the order of their numbers; empty for `numbers`."""

    @property
    def num_outputs(self) -> int:
        """How many numbers a model must give for a row."""
        return len(self.classes) if self.kind == "classes" else 1


@dataclass(frozen=True)
class Scaling:
    """How raw rows become what a network likes: `(x - mean) / deviation`. It is part of every model made for the data.

    One number for the whole row (pixels), or one per column (tables).
    """

    mean: tuple[float, ...] = (0.0,)
    deviation: tuple[float, ...] = (1.0,)


@dataclass(frozen=True)
class Dataset(Shown):
    """Rows on disk, split, with what is known of them.

    `folder/<split>/x.npy` has shape (rows, *input_shape) and dtype `input_dtype`; `folder/<split>/y.npy` has shape
    (rows,) and dtype int64 (classes) or float32 (numbers).
    """

    name: str
    folder: Path
    source: str
    """Where it came from, for a person: a path, a URL, `"digits"` or `"variable frame"`."""
    splits: Mapping[str, int]
    """Rows by split: `train`, and where there is one, `test`."""
    input_shape: tuple[int, ...]
    """Shape of one row, channels last for images: (8, 8, 1)."""
    input_dtype: str
    """NumPy's name: `"uint8"`, `"float32"`."""
    target: Target
    scaling: Scaling = field(default_factory=Scaling)
    columns: tuple[str, ...] = ()
    """Names of the columns, for tables."""
    images: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Caption and PNG (base64) of a few rows, where rows are images and `show` was asked for."""

    @property
    def is_image(self) -> bool:
        """Whether a row is a picture: height, width, and 1, 3 or 4 channels."""
        return len(self.input_shape) == 3 and self.input_shape[-1] in (1, 3, 4)

    def table(self) -> Table:
        kind = f"{len(self.target.classes)} classes" if self.target.kind == "classes" else "numbers"
        row_bytes = math.prod(self.input_shape) * {"uint8": 1, "float32": 4, "float64": 8}.get(self.input_dtype, 4)
        return Table(
            f"Data set {self.name}",
            ("split", "rows", "bytes"),
            [(split, f"{rows:,}", size(rows * row_bytes)) for split, rows in self.splits.items()],
            notes=[
                f"rows of shape {self.input_shape} {self.input_dtype}; target {self.target.name!r}: {kind}"
                + (f" ({', '.join(self.target.classes[:12])}{', ...' if len(self.target.classes) > 12 else ''})"
                   if self.target.classes else ""),
                f"from {self.source}",
            ],
            images=self.images,
        )


@dataclass(frozen=True)
class Shard(Shown):
    """A part of a data set's training rows, in a folder of its own: `x.npy`, `y.npy`."""

    index: int
    folder: Path
    rows: int
    num_bytes: int
    checksum: str
    """SHA-256 of `x.npy` and then `y.npy`, verified whenever the shard is opened."""
    nodes: tuple[str, ...] = ()
    """Names of the workers that hold it; empty before there is a cluster."""

    def table(self) -> Table:
        return Table(f"Shard {self.index}", ("rows", "bytes", "nodes", "sha256"),
                     [(self.rows, size(self.num_bytes), ", ".join(self.nodes), self.checksum[:12])])


@dataclass(frozen=True)
class ShardSet(Shown):
    """A data set's training rows cut into shards, and where each lies."""

    dataset: str
    folder: Path
    by: str
    """`hash`, `range`, `round_robin`, `stratified` or `dirichlet`."""
    shards: tuple[Shard, ...]
    version: int = 1
    """Of the way rows are assigned to shards; raised when a change would send a row elsewhere."""

    @property
    def num_rows(self) -> int:
        """Rows in all shards together."""
        return sum(shard.rows for shard in self.shards)

    def table(self) -> Table:
        return Table(
            f"Shards of {self.dataset}, by {self.by}",
            ("shard", "rows", "bytes", "nodes", "sha256"),
            [(s.index, f"{s.rows:,}", size(s.num_bytes), ", ".join(s.nodes) or "-", s.checksum[:12]) for s in self.shards],
            notes=[f"{self.num_rows:,} rows in {len(self.shards)} shards"],
        )


# --- 2 cluster ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Device:
    """A device of a worker."""

    worker: str
    kind: Literal["cpu", "gpu", "tpu"]
    name: str
    """The maker's name: `"AMD EPYC 7763"`, `"NVIDIA H200"`."""
    units: int = 1
    """Cores that may be used, for a CPU."""
    memory: int = 0
    """Bytes; for a CPU the worker's limit."""
    detail: str = ""
    """Instruction sets, driver, and the like."""
    load: float | None = None
    """Percent busy; None where it can't be told."""


@dataclass(frozen=True)
class DeviceTable(Shown):
    """The devices of all workers."""

    devices: tuple[Device, ...]

    def table(self) -> Table:
        return Table(
            "Devices",
            ("worker", "kind", "device", "cores", "memory", "load", ""),
            [(d.worker, d.kind, d.name, d.units if d.kind == "cpu" else "-", size(d.memory) if d.memory else "-",
              "-" if d.load is None else f"{d.load:.0f} %", d.detail) for d in self.devices],
        )


@dataclass(frozen=True)
class WorkerInfo:
    """A worker of the cluster, as the scheduler sees it."""

    name: str
    address: str
    host: str
    threads: int
    memory_limit: int
    """Bytes; 0 means without limit."""
    state: str = "running"


@dataclass(frozen=True)
class ClusterInfo(Shown):
    """A cluster, its workers and how to look at it."""

    name: str
    state: Literal["running", "down"]
    address: str = ""
    """The scheduler's address, such as `tls://127.0.0.1:39211`."""
    dashboard: str = ""
    """Address of Dask's dashboard as seen from the browser; empty where there is none."""
    workers: tuple[WorkerInfo, ...] = ()
    detached: bool = False
    """Whether it outlives the kernel."""
    folder: Path | None = None
    """Where its record, certificates and logs lie."""
    devices: DeviceTable = field(default_factory=lambda: DeviceTable(()))
    seconds: float | None = None
    """How long it took to come up, where it just did."""

    def table(self) -> Table:
        if self.state == "down":
            return Table("No cluster is up.", notes=["start one: %lepton cluster up"])
        took = f" in {self.seconds:.1f} s" if self.seconds is not None else ""
        plural = "" if len(self.workers) == 1 else "s"
        devices = self.devices.table()
        return Table(
            f"Cluster {self.name}: {len(self.workers)} worker{plural} up{took}",
            devices.header if devices.rows else ("worker", "address", "threads", "memory", "state"),
            devices.rows or [(w.name, w.address, w.threads, size(w.memory_limit), w.state) for w in self.workers],
            notes=[f"{self.address}" + (", outlives this kernel" if self.detached else ", ends with this kernel")],
            links=[("dashboard", self.dashboard)] if self.dashboard else [],
        )


@dataclass(frozen=True)
class ClusterLogs(Shown):
    """The last lines that each process of the cluster wrote."""

    lines: Mapping[str, Sequence[str]]
    """By process: `"scheduler"`, or a worker's name."""

    def table(self) -> Table:
        return Table("Logs", ("process", "line"),
                     [(process, line) for process, lines in self.lines.items() for line in lines])


# --- 3 models and training ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measure:
    """What a model costs and is worth, measured on the file that would be shipped."""

    accuracy: float | None
    """Share of right classes (or, for numbers, the mean absolute error) on `split`; None without rows to try."""
    raw_bytes: int
    """Of the `.tflite` file."""
    gzip_bytes: int
    """Of the same file after gzip at level 9."""
    latency: float
    """Median seconds for one row, one thread, LiteRT with its default delegate."""
    split: str = "test"
    metric: str = "accuracy"


@dataclass(frozen=True)
class Model(Shown):
    """A model of the lab at one stage of its life. Stages are immutable: each result is a new model with a parent.

    `folder` holds `model.keras` (tf_keras's format, weights as they are now), or `model.tflite` where `format` says
    so; `initial.keras` (weights before training) where it can be trained; and this record as `model.json`.
    """

    name: str
    folder: Path
    kind: str
    """`mlp`, `cnn`, `builder` (from a cell), or `added` (a Keras model or file brought in)."""
    stage: str
    """`new`, `trained`, or what a compression made of it: `pruned`, `dynamic`, `float16`, `int8`."""
    format: Literal["keras", "tflite"]
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    """Shape of the answer to one row."""
    num_parameters: int
    parent: str | None = None
    """The model that this one was made from."""
    made_by: str = ""
    """The `%lepton` line that made it."""
    dataset: str | None = None
    """The data set it was last trained or calibrated on."""
    classes: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    """On the split that is reported: `"test_accuracy"`, `"test_loss"`."""

    @property
    def file(self) -> Path:
        """The file that holds the model as it is now."""
        return self.folder / f"model.{self.format}"

    def table(self) -> Table:
        rows: list[tuple[str, object]] = [
            ("kind", self.kind), ("stage", self.stage), ("format", self.format),
            ("input", self.input_shape), ("output", self.output_shape), ("parameters", f"{self.num_parameters:,}"),
        ]
        rows += [("from", self.parent)] if self.parent else []
        rows += [("data", self.dataset)] if self.dataset else []
        rows += [(name, f"{value:.4f}") for name, value in self.metrics.items()]
        return Table(f"Model {self.name}", (), rows, notes=[self.made_by] if self.made_by else [])


@dataclass(frozen=True)
class Run(Shown):
    """A training run as it stood when this value was made."""

    id: str
    model: str
    dataset: str
    state: str
    """One of `RUN_STATES`."""
    folder: Path
    """Holds `run.json`, `metrics.jsonl` and the ranks' logs."""
    epochs: int
    batch_size: int
    """Rows in a step, over all workers together."""
    strategy: str
    workers: tuple[str, ...]
    """Names of the workers that it runs on, by rank."""
    started: float
    """Seconds since the epoch."""
    seconds: float = 0.0
    """How long it has run."""
    history: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """As Keras's `History.history`: one number an epoch."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """On the test split, after the last epoch."""
    error: str = ""
    """The earliest cause, where the run failed."""

    @property
    def is_over(self) -> bool:
        """Whether the state is final."""
        return self.state in FINAL_STATES

    def table(self) -> Table:
        names = [name for name in self.history if name not in ("seconds", "examples")]
        rows = [
            (epoch + 1, *(f"{self.history[name][epoch]:.4f}" for name in names),
             f"{self.history['examples'][epoch] / max(self.history['seconds'][epoch], 1e-9):,.0f}")
            for epoch in range(len(self.history.get("seconds", ())))
        ]
        notes = [f"{self.strategy} on {', '.join(self.workers)}; batch {self.batch_size}; {duration(self.seconds)}"]
        if self.metrics:
            notes.append("test split: " + ", ".join(f"{k} {v:.4f}" for k, v in self.metrics.items()))
        if self.error:
            notes.append(self.error)
        return Table(f"Run {self.id}: {self.model} on {self.dataset}, {self.state}",
                     ("epoch", *names, "examples/s"), rows, notes=notes)


@dataclass(frozen=True)
class Evaluation(Shown):
    """How good a model is on rows that it was not trained on."""

    model: str
    dataset: str
    split: str
    rows: int
    metrics: Mapping[str, float]

    def table(self) -> Table:
        return Table(f"{self.model} on {self.dataset}/{self.split}, {self.rows:,} rows", ("metric", "value"),
                     [(name, f"{value:.4f}") for name, value in self.metrics.items()])


# --- 4 and 5 compression and export ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class CompressedModel(Shown):
    """What a compression made of a model, and what that cost."""

    model: Model
    before: Measure
    after: Measure
    layers: tuple[tuple[str, str], ...] = ()
    """Layer name, and what was done to it or why nothing was."""

    def table(self) -> Table:
        b, a = self.before, self.after

        def metric(measure: Measure) -> str:
            if measure.accuracy is None:
                return "-"
            return f"{measure.accuracy:.2%}" if measure.metric == "accuracy" else f"{measure.accuracy:.4g}"

        rows = [
            (b.metric, metric(b), metric(a),
             "-" if a.accuracy is None or b.accuracy is None
             else f"{(a.accuracy - b.accuracy) * 100:+.2f} points" if b.metric == "accuracy"
             else f"{a.accuracy - b.accuracy:+.4g}"),
            ("raw size", size(b.raw_bytes), size(a.raw_bytes), f"{b.raw_bytes / a.raw_bytes:.1f} x smaller"),
            ("gzip size", size(b.gzip_bytes), size(a.gzip_bytes), f"{b.gzip_bytes / a.gzip_bytes:.1f} x smaller"),
            ("latency", f"{b.latency * 1e6:.0f} us", f"{a.latency * 1e6:.0f} us", f"{b.latency / a.latency:.1f} x faster"),
        ]
        return Table(f"{self.model.name}: {self.model.parent} after {self.model.stage}",
                     ("", "before", "after", "change"), rows,
                     notes=[f"accuracy on the {a.split} split; latency of one row, one CPU thread, LiteRT with XNNPACK"])


@dataclass(frozen=True)
class Agreement:
    """How far an exported file's answers lie from the notebook's model's, on real rows."""

    rows: int
    max_difference: float
    """Greatest absolute difference of any output."""
    same_answer: float
    """Share of rows with the same class (argmax); 1.0 where the target is numbers and the difference is within bounds."""


@dataclass(frozen=True)
class Bundle(Shown):
    """An exported model: one file, checked, with its manifest beside it."""

    model: str
    format: str
    path: Path
    manifest: Path
    num_bytes: int
    checksum: str
    """SHA-256 of the file."""
    agreement: Agreement

    def table(self) -> Table:
        return Table(
            f"Exported {self.model} as {self.format}", (),
            [("file", self.path), ("size", size(self.num_bytes)), ("sha256", self.checksum[:16]),
             ("manifest", self.manifest),
             ("agreement", f"{self.agreement.same_answer:.2%} same answers on {self.agreement.rows} rows, "
                           f"greatest difference {self.agreement.max_difference:.2g}")],
        )


# --- the lab ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Listing(Shown):
    """Several values of one kind, a row each."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    empty: str = ""
    """Said instead of the rows where there are none."""

    def table(self) -> Table:
        return Table(self.title, self.header, self.rows, notes=[] if self.rows else [self.empty])


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
        up = self.cluster.state == "running"
        rows: list[tuple[str, str, str]] = [
            ("cluster", self.cluster.name if up else "-", f"{len(self.cluster.workers)} workers" if up else "not up")
        ]
        sharded = {s.dataset: f", {len(s.shards)} shards by {s.by}" for s in self.shard_sets}
        rows += [("data set", d.name, f"{sum(d.splits.values()):,} rows{sharded.get(d.name, '')}") for d in self.datasets]
        rows += [("model", m.name, f"{m.stage}, {m.num_parameters:,} parameters"
                  + "".join(f", {k} {v:.4f}" for k, v in m.metrics.items() if k.endswith("accuracy")))
                 for m in self.models]
        rows += [("run", r.id, f"{r.model} on {r.dataset}, {r.state}") for r in self.runs]
        rows += [("export", b.path.name, f"{b.model} as {b.format}, {size(b.num_bytes)}") for b in self.exports]
        return Table("Lepton Lab", ("", "name", ""), rows, notes=[f"workspace {self.workspace}"])
