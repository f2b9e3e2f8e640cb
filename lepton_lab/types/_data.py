"""Rows: data sets and their shards."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lepton_lab.display import Shown, Table, size
from lepton_lab.types._fields import record_dtype
from lepton_lab.types._pictures import is_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
    """How many `numbers` a row has, or each of its positions."""
    positions: tuple[int, ...] = ()
    """Shape of the places in a row that have a target each: (height, width) of a mask or a picture, (steps,) of a
    sequence; () where a row has one."""
    note: str = field(default="", compare=False)
    """What was guessed of it, and the option that changes it; empty where nothing had to be."""
    one_hot: bool = field(default=False, compare=False)
    """Whether classes came as a 1 among zeros, one number for each: a loss of one's own gets them so again."""

    @property
    def num_outputs(self) -> int:
        """How many numbers a model must give for a row, or for each of its positions."""
        return self.width if self.kind == "numbers" else len(self.classes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row's target as it is stored: the positions, then (num_outputs,) unless that is one number."""
        return self.positions + (() if self.kind == "classes" or self.num_outputs == 1 else (self.num_outputs,))

    @property
    def dtype(self) -> str:
        """NumPy's name of what is stored: int64 for classes, float32 for numbers, uint8 for labels.

        Classes of positions are int16, since there are many; -1 marks positions without one, which count nothing.
        """
        if self.kind == "classes" and self.positions:
            return "int16"
        return {"classes": "int64", "numbers": "float32", "labels": "uint8"}[self.kind]

    @property
    def answer_names(self) -> tuple[str, ...]:
        """What a model's answer to a row has a number for, by name, in order; () where these have no names."""
        names = tuple(self.name.split(",")) if self.kind == "numbers" and self.width > 1 else self.classes
        return names if len(names) == self.num_outputs else ()

    def outputs_in(self, shape: tuple[int | None, ...]) -> int | None:
        """How many numbers answers have for a row, or for each of its positions.

        Parameters
        ----------
        shape
            Of the answer to one row; None for a size that isn't known.

        Returns
        -------
        None where the answers lie otherwise than the positions do.
        """
        if self.kind == "numbers" and (self.positions or len(shape) != 1):
            own = tuple(size for size in shape if size != 1)
            return self.num_outputs if _alike(own, tuple(size for size in self.shape if size != 1)) else None
        places, outputs = shape[: len(self.positions)], shape[len(self.positions) :]
        if not self.positions:
            places, outputs = (), shape[-1:] if all(size == 1 for size in shape[:-1]) else shape
        if not _alike(places, self.positions) or len(outputs) > 1:
            return None
        return outputs[0] if outputs else 1

    def takes(self, outputs: int) -> bool:
        """Whether so many numbers of a model are answers to it.

        One is the probability of the second of two classes. Class numbers that came as they are may be fewer in the
        rows than the model knows.
        """
        if outputs == self.num_outputs or self.kind != "classes":
            return outputs == self.num_outputs
        are_numbers = bool(self.positions) and self.classes == tuple(map(str, range(len(self.classes))))
        return (outputs == 1 and len(self.classes) == 2) or (are_numbers and outputs > len(self.classes))

    def describe(self) -> str:
        """For a person: `10 classes (0, 1, ...)`, `3 numbers`, `2 classes (no, yes) at each of 28 x 28 positions`."""
        where = f" at each of {' x '.join(map(str, self.positions))} positions" if self.positions else ""
        if self.kind == "numbers":
            return ("numbers" if self.width == 1 else f"{self.width} numbers") + where
        more = ", ..." if len(self.classes) > 12 else ""
        return f"{len(self.classes)} {self.kind} ({', '.join(self.classes[:12])}{more}){where}"


@dataclass(frozen=True)
class Scaling:
    """How raw rows become what a network likes: `(x - mean) / deviation`. It is part of every model made for the data.

    One number for the whole row (pixels), or one per column (tables).
    """

    mean: tuple[float, ...] = (0.0,)
    deviation: tuple[float, ...] = (1.0,)


@dataclass(frozen=True)
class Arrangement:
    """How stored rows and targets become those of a model that knows the same names in another order.

    Each part is empty where nothing changes. `lepton_lab.runtime.fitted` finds it.
    """

    columns: tuple[int, ...] = ()
    """For each column that the model takes, its place among the stored ones; -1 for one that is 0 throughout."""
    classes: tuple[int, ...] = ()
    """For each stored class, its number with the model."""
    answers: tuple[int, ...] = ()
    """For each label or number that the model gives, its place among the stored ones."""
    numbers: tuple[float, ...] = ()
    """For each stored class, the number that it is, where the model answers with numbers."""
    shapes: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)
    """For each input (the only one is "") whose rows differ from the model's by a last axis of 1: the shape of one row
    as it is stored, and as the model takes it."""
    notes: tuple[str, ...] = ()
    """What was put right, for a person."""

    @property
    def changes_rows(self) -> bool:
        """Whether the model takes rows otherwise than they are stored."""
        return bool(self.columns or self.shapes)

    def rows(self, x: NDArray[Any]) -> NDArray[Any]:
        """Rows as the model takes them, (rows, *input_shape) or records, from stored ones; a view if that will do."""
        if self.columns:
            x = x[:, self.columns]
            x[:, [place < 0 for place in self.columns]] = 0
        if not self.shapes:
            return x
        if x.dtype.names is None:
            return x.reshape(len(x), *self.shapes[""][1])
        parts = {name: x.dtype[name] for name in x.dtype.names}
        shapes = {name: self.shapes[name][1] if name in self.shapes else part.shape for name, part in parts.items()}
        return x.view(record_dtype({name: (shapes[name], part.base) for name, part in parts.items()}))

    def targets(self, y: NDArray[Any]) -> NDArray[Any]:
        """Targets as the model gives them, in the stored ones' shape."""
        if self.numbers:
            import numpy as np

            y = np.asarray(self.numbers, np.float32)[y]
        elif self.classes:
            import numpy as np

            y = np.where(y < 0, y, np.asarray(self.classes, y.dtype)[y])  # -1 marks positions without a class
        elif self.answers:
            y = y[..., self.answers]
        return y


@dataclass(frozen=True)
class Dataset(Shown):
    """Rows on disk, split, with what is known of them.

    `folder/<split>/x.npy` has shape (rows, *input_shape) and dtype `input_dtype`; `folder/<split>/y.npy` has shape
    (rows, *target.shape) and dtype `target.dtype`. Several inputs, or several targets, lie side by side as records of
    shape (rows,), which `fields` takes apart. `folder/train/w.npy`, float32 (rows,) or (rows, *target.positions), is
    there where rows, or their positions, are weighted.
    """

    name: str
    folder: Path
    source: str
    """Where it came from, for a person: a path, a URL, `"digits"` or `"variable frame"`."""
    splits: Mapping[str, int]
    """Rows by split: `train`, and where there are some, `test` and `validation`."""
    input_shape: tuple[int, ...]
    """Shape of one row as it came, channels last for images: (8, 8, 1); () for several inputs."""
    input_dtype: str
    """What `numpy.dtype` takes: `"uint8"`, `"float32"`, `"int64"`, `"<U12"` for text; `"record"` for several inputs."""
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
    arrangement: Arrangement = field(default=Arrangement(), repr=False)
    """How what is stored becomes what this value says, where it was fitted to a model; never on disk."""
    notes: tuple[str, ...] = ()
    """What was found out or guessed of the source, and what of it was left out, for a person."""

    @property
    def is_image(self) -> bool:
        """Whether a row is a picture: height, width, and 1, 3 or 4 channels; or grey without an axis for them."""
        return is_picture(self.input_shape) and "U" not in self.input_dtype

    def table(self) -> Table:
        import numpy as np

        inputs = self.inputs or {"": (self.input_shape, self.input_dtype)}
        row_bytes = sum(math.prod(shape) * np.dtype(dtype).itemsize for shape, dtype in inputs.values())
        if self.inputs:
            notes = [f"input {name!r}: rows of shape {shape} {_said(dtype)}" for name, (shape, dtype) in inputs.items()]
            notes += [f"target {self.target.name!r}: {self.target.describe()}"] if not self.targets else []
        else:
            one = f"; target {self.target.name!r}: {self.target.describe()}" if not self.targets else ""
            notes = [f"rows of shape {self.input_shape} {_said(self.input_dtype)}{one}"]
        notes += [f"target {name!r}: {target.describe()}" for name, target in self.targets.items()]
        notes += [target.note for target in (list(self.targets.values()) or [self.target]) if target.note]
        notes += ["the training rows are weighted"] if self.weighted else []
        return Table(
            f"Data set {self.name}",
            ("split", "rows", "bytes"),
            [(split, f"{rows:,}", size(rows * row_bytes)) for split, rows in self.splits.items()],
            notes=[*notes, *self.notes, f"from {self.source}"],
            images=self.images,
        )


def _alike(own: tuple[int | None, ...], wanted: tuple[int, ...]) -> bool:
    """Whether sizes are the same, as far as they are known."""
    return len(own) == len(wanted) and all(one in (None, other) for one, other in zip(own, wanted, strict=True))


def _said(dtype: str) -> str:
    """A dtype for a person."""
    return f"text of up to {dtype.partition('U')[2]} characters" if "U" in dtype else dtype


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
