"""What a training run is to do, as plain values that travel to every rank."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lepton_lab.types import Dataset, ShardSet

STRATEGIES = ("auto", "multiworker", "single")
"""`multiworker`: one rank on each worker; `single`: one rank with all cores of one worker's host; `auto`: the first
where there are several workers."""


@dataclass(frozen=True)
class Job:
    """A training run: what to learn from what, and how."""

    run: str
    """The run's id in its workspace."""
    model_file: Path
    """`.keras` file with the weights to start from."""
    output: Path
    """`.keras` file that the first rank writes at the end."""
    logs: Path
    """Folder for what the ranks print."""
    shards: ShardSet
    dataset: Dataset
    epochs: int
    batch_size: int
    """Rows in a step, over all ranks together."""
    optimizer: str
    """Keras's name."""
    learning_rate: float
    loss: str
    """Keras's name."""
    seed: int
    open_rows: str = "lepton_lab.data:open_rows"
    """What opens the shards, as `"module:function"`: stages know each other by name only."""
    open_split: str = "lepton_lab.data:open_split"
    """What opens the test split."""
    hook: str | None = None
    """`"module:Class"` of a `Hook` that changes the model for the time of the training."""
    hook_options: Mapping[str, Any] = field(default_factory=dict)
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    """Names the run on the cluster, where runs of several workspaces may meet."""
    patience: float = 60.0
    """Seconds without a sign of life after which a rank counts as stuck, once it trains; more where steps are long."""

    @property
    def steps(self) -> int:
        """Steps in an epoch; the last one may be short."""
        return -(-self.shards.num_rows // self.batch_size)

    @property
    def metric(self) -> str:
        """The metric that is reported beside the loss, by Keras's name."""
        return "accuracy" if self.dataset.target.kind == "classes" else "mae"


@dataclass(frozen=True)
class Seat:
    """A rank's place in a run."""

    rank: int
    worker: str
    """The worker's name."""
    addresses: tuple[str, ...]
    """`host:port` of every rank, in the order of their numbers."""
    threads: int
    """Threads that the rank may compute with."""

    @property
    def world(self) -> int:
        """How many ranks there are."""
        return len(self.addresses)
