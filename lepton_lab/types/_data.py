"""Rows: data sets and their shards."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lepton_lab.display import Shown, Table, size


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
                + (
                    f" ({', '.join(self.target.classes[:12])}{', ...' if len(self.target.classes) > 12 else ''})"
                    if self.target.classes
                    else ""
                ),
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
        return Table(
            f"Shard {self.index}",
            ("rows", "bytes", "nodes", "sha256"),
            [(self.rows, size(self.num_bytes), ", ".join(self.nodes), self.checksum[:12])],
        )


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
            [
                (s.index, f"{s.rows:,}", size(s.num_bytes), ", ".join(s.nodes) or "-", s.checksum[:12])
                for s in self.shards
            ],
            notes=[f"{self.num_rows:,} rows in {len(self.shards)} shards"],
        )
