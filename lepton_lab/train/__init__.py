"""Stage 3: a data set's shards and a model at its start become a trained model.

Training runs in processes of its own, one *rank* per worker, forked from the host's fork server. In the order that a
run goes: the client's `Controller` reserves a port on each worker (`_supervisor.reserve`), starts one supervising Dask
task per worker (`_supervisor.supervise`), each of which owns a rank (`_rank.run_rank`); the ranks sum their gradients
over TensorFlow's MultiWorkerMirroredStrategy and report at about 5 Hz through their supervisor to the controller's
`Scoreboard`, which tells the lab. When anything ends the run, every rank is killed: there is one way to clean up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lepton_lab.train._job import STRATEGIES, Job, Seat

if TYPE_CHECKING:
    from lepton_lab.train._controller import Controller
    from lepton_lab.train._family import LeptonModel

KINDS = ("cnn", "mlp")
"""The kinds of `LeptonModel`."""

_HOMES = {"Controller": "_controller", "LeptonModel": "_family"}

__all__ = ["KINDS", "STRATEGIES", "Controller", "Job", "LeptonModel", "Seat"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(f"lepton_lab.train.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
