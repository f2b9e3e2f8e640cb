"""A lab without a cluster, all of whose work is done in the process that it is in: what a sweep over models needs.

Verbs, checks, files and the rank's own code are the product's. What is left out is what has tests of its own and would
cost most of the time: workers, a run's controller, and a process for each call.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lepton_lab.events import ignore
from lepton_lab.forkserver._child import resolve
from lepton_lab.lab import Lab
from lepton_lab.lab import _shards as shards
from lepton_lab.lab._cluster import ClusterNoun
from lepton_lab.lab._data import DataNoun
from lepton_lab.lab._runs import RunNoun
from lepton_lab.train import Order, write_run
from lepton_lab.train._job import Seat
from lepton_lab.types import Dataset, Run, ShardSet, Sight, WorkerInfo

_WORKER = WorkerInfo("here", "127.0.0.1:1", "127.0.0.1", 1, 0)


class _Handle:
    """A cluster of one worker, which is never asked."""

    name = "here"

    def workers(self) -> tuple[WorkerInfo, ...]:
        return (_WORKER,)

    def sight(self, folder: Path) -> Sight:
        return Sight(folder, (_WORKER,))

    def how_to_attach(self, folder: Path) -> dict[str, Any]:
        return {}


class _Cluster(ClusterNoun):
    """Is never up, so that nothing is handed out."""

    @property
    def handle(self) -> Any:
        return _Handle()


class _Data(DataNoun):
    """Its shards stay where they are cut."""

    def shards_for_training(self, dataset: Dataset) -> ShardSet:
        if dataset.name in shards.names(self._lab):
            return shards.read(self._lab, dataset.name)
        return super().shards_for_training(dataset)


class _Silent:
    """A rank's channel to nobody."""

    def send(self, kind: str, event: Any) -> None:
        """Nobody hears it."""

    def poll(self) -> bool:
        return False


class _Runs(RunNoun):
    """Trains before `launch` returns, as a single rank; what that raises, `launch` raises."""

    def launch(self, order: Order) -> Run:
        from lepton_lab.train._rank import run_rank

        order.job.checkpoints.mkdir(parents=True, exist_ok=True)
        result = run_rank(order.job, SEAT, _Silent())  # type: ignore[arg-type]  # it listens as one does
        layers = tuple((name, what) for name, what in result["layers"])
        run = replace(order.run, state="done", metrics=result["metrics"], layers=layers)
        resolve(order.deliver)(run, ignore, **order.delivery)
        write_run(run)
        return run

    def follow(self, id: str, *, to_the_end: bool = False) -> Run:
        return self.show(id)


SEAT = Seat(0, _WORKER.name, (_WORKER.address,), _WORKER.threads, layout="single")


class Here(Lab):
    """The lab."""

    def __init__(self, workspace: Path) -> None:
        super().__init__(workspace)
        self.cluster, self.data, self.run = _Cluster(self), _Data(self), _Runs(self)

    def call(self, function: str, arguments: Mapping[str, Any], timeout: float | None = None) -> Any:
        work = resolve(function)
        report = {"report": ignore} if "report" in inspect.signature(work).parameters else {}
        return work(**arguments, **report)
