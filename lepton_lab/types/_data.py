"""Rows: data sets and their shards."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lepton_lab.display import Shown, Table, size

_SIZES = {"uint8": 1, "float32": 4, "float64": 8}


@dataclass(frozen=True)
class Target:
    """What a model is to learn of a data set."""

    kind: Literal["classes", "numbers", "labels"]
    """`classes`: whole numbers from 0 that stand for classes; `numbers`: one or more float32 a row, for regression;
    `labels`: 0 or 1 for each of several labels, any number of which are true of a row."""
    name: str = "label"
    """The column's name, where the source had one; `"a,b"` for several columns."""
    classes: tuple[str, ...] = ()
    """The names of the classes, in the order of their numbers, or of the labels; empty for `numbers`."""
    width: int = 1
    """How many `numbers` a row has."""

    @property
    def num_outputs(self) -> int:
        """How many numbers a model must give for a row."""
        return self.width if self.kind == "numbers" else len(self.classes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row's target as it is stored: () for a class or one number, else (num_outputs,)."""
        return () if self.kind == "classes" or self.num_outputs == 1 else (self.num_outputs,)

    @property
    def dtype(self) -> str:
        """NumPy's name of what is stored: int64 for classes, float32 for numbers, uint8 for labels."""
        return {"classes": "int64", "numbers": "float32", "labels": "uint8"}[self.kind]

    def describe(self) -> str:
        """For a person: `10 classes (0, 1, ...)`, `3 numbers`, `2 labels (bright, round)`."""
        if self.kind == "numbers":
            return "numbers" if self.width == 1 else f"{self.width} numbers"
        more = ", ..." if len(self.classes) > 12 else ""
        return f"{len(self.classes)} {self.kind} ({', '.join(self.classes[:12])}{more})"


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
    (rows, *target.shape) and dtype `target.dtype`. Several inputs, or several targets, lie side by side as records of
    shape (rows,), which `fields` takes apart. `folder/train/w.npy`, float32 (rows,), is there where rows are weighted.
    """

    name: str
    folder: Path
    source: str
    """Where it came from, for a person: a path, a URL, `"digits"` or `"variable frame"`."""
    splits: Mapping[str, int]
    """Rows by split: `train`, and where there is one, `test`."""
    input_shape: tuple[int, ...]
    """Shape of one row, channels last for images: (8, 8, 1); () for several inputs."""
    input_dtype: str
    """NumPy's name: `"uint8"`, `"float32"`; `"record"` for several inputs."""
    target: Target
    """The first of several."""
    scaling: Scaling = field(default_factory=Scaling)
    columns: tuple[str, ...] = ()
    """Names of the columns, for tables."""
    images: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Caption and PNG (base64) of a few rows, where rows are images and `show` was asked for."""
    inputs: Mapping[str, tuple[tuple[int, ...], str]] = field(default_factory=dict)
    """Shape and dtype by name, for a data set with several inputs; else empty."""
    targets: Mapping[str, Target] = field(default_factory=dict)
    """By name, for a data set with several targets; else empty."""
    weighted: bool = False
    """Whether the training rows have weights: how much each counts in training."""
    cut_from: str = ""
    """The data set whose training rows these are, both splits, where `data split` made it."""

    @property
    def is_image(self) -> bool:
        """Whether a row is a picture: height, width, and 1, 3 or 4 channels."""
        return len(self.input_shape) == 3 and self.input_shape[-1] in (1, 3, 4)

    def table(self) -> Table:
        inputs = self.inputs or {"": (self.input_shape, self.input_dtype)}
        row_bytes = sum(math.prod(shape) * _SIZES.get(dtype, 4) for shape, dtype in inputs.values())
        if self.inputs:
            notes = [f"input {name!r}: rows of shape {shape} {dtype}" for name, (shape, dtype) in inputs.items()]
            notes += [f"target {self.target.name!r}: {self.target.describe()}"] if not self.targets else []
        else:
            one = f"; target {self.target.name!r}: {self.target.describe()}" if not self.targets else ""
            notes = [f"rows of shape {self.input_shape} {self.input_dtype}{one}"]
        notes += [f"target {name!r}: {target.describe()}" for name, target in self.targets.items()]
        notes += ["the training rows are weighted"] if self.weighted else []
        return Table(
            f"Data set {self.name}",
            ("split", "rows", "bytes"),
            [(split, f"{rows:,}", size(rows * row_bytes)) for split, rows in self.splits.items()],
            notes=[*notes, f"from {self.source}"],
            images=self.images,
        )


@dataclass(frozen=True)
class Shard(Shown):
    """A part of a data set's training rows, in a folder of its own: `x.npy`, `y.npy`, and `w.npy` where weighted."""

    index: int
    folder: Path
    rows: int
    num_bytes: int
    checksum: str
    """SHA-256 of `x.npy`, `y.npy` and, where it is there, `w.npy`, verified whenever the shard is opened."""
    nodes: tuple[str, ...] = ()
    """Names of the workers that hold it: each sees the workspace's files, or has a copy on its host. Empty before there
    is a cluster."""

    def table(self) -> Table:
        return Table(
            f"Shard {self.index}",
            ("rows", "bytes", "nodes", "sha256"),
            [(self.rows, size(self.num_bytes), ", ".join(self.nodes), self.checksum[:12])],
        )


WORKSPACE = "workspace"
"""What a move calls the workspace's own files, which are no worker's."""


@dataclass(frozen=True)
class Move:
    """A verified copy of a shard that was made."""

    shard: int
    """Its index."""
    source: str
    """The worker whose copy was read, or `WORKSPACE`."""
    target: str
    """The worker that has it now, or `WORKSPACE` where its own files were restored."""
    num_bytes: int


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
    weighted: bool = False
    """Whether rows have weights, `w.npy` in each shard."""
    replicas: int | None = None
    """On how many workers each shard is wanted; None: on 2 where the cluster has several hosts, else on 1."""
    moves: tuple[Move, ...] = field(default=(), compare=False)
    """What the placement that gave this value had to copy; not kept on disk."""

    @property
    def num_rows(self) -> int:
        """Rows in all shards together."""
        return sum(shard.rows for shard in self.shards)

    def _notes(self) -> list[str]:
        notes = [f"{self.num_rows:,} rows in {len(self.shards)} shards"]
        few = sum(0 < len(shard.nodes) < (self.replicas or 1) for shard in self.shards)
        if few:
            notes.append(f"{few} of them on fewer than {self.replicas} workers, since there are no more")
        if self.moves:
            sums = Counter[tuple[str, str]]()
            for move in self.moves:
                sums[move.source, move.target] += move.num_bytes
            ways = [f"{source} -> {target} {size(num_bytes)}" for (source, target), num_bytes in sums.most_common(8)]
            more = [f"{len(sums) - 8} more"] if len(sums) > 8 else []
            plural = "copy" if len(self.moves) == 1 else "copies"
            notes.append(
                f"{len(self.moves)} {plural} made, {size(sum(sums.values()))} moved: {', '.join([*ways, *more])}"
            )
        return notes

    def table(self) -> Table:
        return Table(
            f"Shards of {self.dataset}, by {self.by}",
            ("shard", "rows", "bytes", "nodes", "sha256"),
            [
                (s.index, f"{s.rows:,}", size(s.num_bytes), ", ".join(s.nodes) or "-", s.checksum[:12])
                for s in self.shards
            ],
            notes=self._notes(),
        )
