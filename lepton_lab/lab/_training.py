"""From what was asked of a training run to the job that the ranks get."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.files import copy
from lepton_lab.lab._workspace import INITIAL, START
from lepton_lab.train import STRATEGIES, Job
from lepton_lab.types import Dataset, Model, Run, WorkerInfo

if TYPE_CHECKING:
    from lepton_lab.lab._lab import Lab
    from lepton_lab.lab._runs import Deliver
    from lepton_lab.train import Controller


@dataclass(frozen=True)
class Training:
    """The settings of a run; see `Lab.train`."""

    epochs: int
    batch_size: int
    learning_rate: float = 0.001
    optimizer: str = "adam"
    loss: str = "auto"
    workers: int | None = None
    strategy: str = "auto"
    seed: int = 0
    warm_start: bool = False
    hook: str | None = None
    hook_options: Mapping[str, Any] = field(default_factory=dict)

    def validate(self) -> None:
        """Refuse settings that can't be used.

        Raises
        ------
        InputError
            Says which.
        """
        for name in ("epochs", "batch_size", "workers"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"--{name.replace('_', '-')} is {value}, but must be at least 1.")
        if not self.learning_rate > 0:
            raise InputError(f"--learning-rate is {self.learning_rate:g}, but must be greater than 0.")
        if self.strategy not in STRATEGIES:
            raise UnknownNameError("strategy", self.strategy, STRATEGIES)


def launch(
    lab: Lab, training: Training, model: Model, dataset: Dataset, deliver: Deliver, title: str | None = None
) -> Controller:
    """Check what can only be checked now, and start the run; its id begins with `title`, or the model's name."""
    present = lab.cluster.handle.workers()
    chosen, threads = choose_workers(training, present)
    loss = training.loss
    if loss == "auto":
        loss = "sparse_categorical_crossentropy" if dataset.target.kind == "classes" else "mse"
    file = model.file if training.warm_start else model.folder / "initial.keras"
    lab.call(
        "lepton_lab.train._models:check",
        {
            "model_file": file,
            "optimizer": training.optimizer,
            "loss": loss,
            "num_outputs": dataset.target.num_outputs,
            "kind": dataset.target.kind,
        },
    )
    shards = lab.data.shards_for_training(dataset)
    name = lab.workspace.claim_run(title or model.name)
    folder = lab.workspace.path("runs", name)
    for source, copy_name in ((model.folder / "initial.keras", INITIAL), (file, START)):
        copy(source, folder / copy_name)  # the run has its own: the model may be made anew meanwhile
    job = Job(
        run=name,
        model_file=folder / START,
        output=folder / "model.keras",
        logs=folder,
        shards=shards,
        dataset=dataset,
        epochs=training.epochs,
        batch_size=training.batch_size,
        optimizer=training.optimizer,
        learning_rate=training.learning_rate,
        loss=loss,
        seed=training.seed,
        hook=training.hook,
        hook_options=training.hook_options,
    )
    run = Run(
        id=name,
        model=model.name,
        dataset=dataset.name,
        state="starting",
        folder=folder,
        epochs=training.epochs,
        batch_size=training.batch_size,
        strategy="multiworker" if len(chosen) > 1 else "single",
        workers=tuple(worker.name for worker in chosen),
        started=time.time(),
    )
    return lab.run.launch(job, run, chosen, threads, deliver)


def choose_workers(training: Training, present: tuple[WorkerInfo, ...]) -> tuple[tuple[WorkerInfo, ...], int]:
    """The workers that a run takes, in the order of (host, name), and the threads of each rank.

    `single` takes one worker and the threads of all workers on its host.
    """
    present = tuple(sorted(present, key=lambda worker: (worker.host, worker.name)))
    if not present:
        raise InputError("The cluster has no worker: %lepton cluster scale 2.")
    if training.workers is not None and training.workers > len(present):
        raise InputError(
            f"--workers is {training.workers}, but the cluster has {len(present)}: "
            f"%lepton cluster scale {training.workers}."
        )
    if training.strategy == "single":
        return present[:1], sum(worker.threads for worker in present if worker.host == present[0].host)
    chosen = present[: training.workers]
    return chosen, min(worker.threads for worker in chosen)
