"""What a training run is to do, as plain values that travel to every rank."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lepton_lab.types import Dataset, ShardSet

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
"""In what a model computes, by Keras's names; its weights are float32 always."""

AUGMENTATIONS = ("flip", "shift", "brightness")
"""What can be done to pictures on the way in: see `_augment`."""


@dataclass(frozen=True)
class Job:
    """A training run: what to learn from what, and how."""

    run: str
    """The run's id in its workspace."""
    folder: Path
    """The run's: for what the ranks print, checkpoints and TensorBoard's logs."""
    model_file: Path
    """`.keras` file with the weights to start from."""
    output: Path
    """`.keras` file that the first rank writes at the end."""
    shards: ShardSet
    dataset: Dataset
    epochs: int
    batch_size: int
    """Rows in a step, over all ranks together."""
    optimizer: Any
    """A part (see `_parts`), as are the loss, the metrics and the callbacks; a loss may be a dict by output."""
    loss: Any
    loss_weights: Mapping[str, float] = field(default_factory=dict)
    """How much the loss of each output counts, by its name (of a single one ""); 1 for those that are not named."""
    metrics: Any = ()
    """Parts for every output, or such by the output's name."""
    weighted_metrics: Any = ()
    """The same; the rows' weights count in these."""
    callbacks: tuple[Any, ...] = ()
    learning_rate: Any = None
    """A number or a part; None leaves it to the optimiser."""
    seed: int = 0
    validation: float = 0.0
    """Share of the training rows to hold out."""
    class_weight: Mapping[int, float] = field(default_factory=dict)
    """How much a row of each class counts; 1 for those that are not named."""
    precision: str = "float32"
    clip_norm: float | None = None
    """What the norm of all gradients together is held below."""
    accumulate: int = 1
    """How many parts a rank cuts its share of a step into, to need less memory."""
    augment: tuple[str, ...] = ()
    """What is done to pictures on the way in: some of `AUGMENTATIONS`."""
    every: int = 16
    """Of `averaging`: steps between two averages."""
    checkpoint_seconds: float = 10.0
    keep: int = 3
    """How many checkpoints stay."""
    max_failures: int = 3
    """How often in a row the ranks may fail without getting further before the run is given up."""
    answers: Mapping[str, str] = field(default_factory=dict)
    """What each output answers with; see `Model.answers`."""
    hook: str | None = None
    """`"module:Class"` of a `Hook` that changes the model for the time of the training."""
    hook_options: Mapping[str, Any] = field(default_factory=dict)
    open_rows: str = "lepton_lab.data:open_rows"
    """What opens the shards, as `"module:function"`: stages know each other by name only."""
    open_split: str = "lepton_lab.data:open_split"
    """What opens the test split."""
    was_keras3: bool = False
    """Whether the model is tf_keras's equal of one of Keras 3, and is to learn as that would."""
    code: Path | None = None
    """The code that the model was made by; names of losses and metrics are looked up in it first."""
    working_folder: Path | None = None
    """What the paths of callbacks are relative to."""
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    """Names the run on the cluster, where runs of several workspaces may meet."""

    @property
    def num_held_out(self) -> int:
        """How many training rows are for validation."""
        rows = self.shards.num_rows
        return min(max(1, round(self.validation * rows)), rows - 1) if self.validation else 0

    @property
    def num_rows(self) -> int:
        """How many rows are learnt from in an epoch."""
        return self.shards.num_rows - self.num_held_out

    @property
    def steps(self) -> int:
        """Steps in an epoch; the last one may be short."""
        return -(-self.num_rows // self.batch_size)

    @property
    def metric(self) -> str:
        """The metric that is reported beside the loss, by Keras's name."""
        return "mae" if self.dataset.target.kind == "numbers" else "accuracy"

    @property
    def checkpoints(self) -> Path:
        """The checkpoints' folder."""
        return self.folder / "checkpoints"

    @property
    def order(self) -> str:
        """What the rows' order follows from: the shards' checksums, the seed, the batch size, the rows held out."""
        facts = [shard.checksum for shard in self.shards.shards]
        facts += [str(value) for value in (self.seed, self.batch_size, self.validation)]
        return hashlib.sha256("\n".join(facts).encode()).hexdigest()


@dataclass(frozen=True)
class Seat:
    """A rank's place in one generation of a run."""

    rank: int
    worker: str
    """The worker's name."""
    addresses: tuple[str, ...]
    """`host:port` of every rank, in the order of their numbers."""
    threads: int
    """Threads that the rank may compute with."""
    layout: str = "multiworker"
    """The layout's name, one of `STRATEGIES` but `auto`."""
    devices: int = 1
    """Of `mirrored`: how many devices the rank computes on, where it has no GPUs of that number."""
    visible: str = ""
    """Of `mirrored`: the host's GPUs, as CUDA_VISIBLE_DEVICES has them."""
    generation: int = 1
    """Counts the starts of the run's ranks."""
    checkpoint: Path | None = None
    """The record of the checkpoint to go on from; None for the beginning."""
    is_verified: bool = False
    """Whether an earlier generation has compared the shards' checksums."""

    @property
    def world(self) -> int:
        """How many ranks there are."""
        return len(self.addresses)
