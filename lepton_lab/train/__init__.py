"""Stage 3: a data set's shards and a model at its start become a trained model.

In the order that a run goes: the lab hands an `Order` to a process of its own, the `Controller`. That lays the ranks
out (`_chooser`, `_layout`), reserves a port for each (`_supervisor.reserve`) and starts one supervising Dask task per
worker (`_supervisor.supervise`), each of which owns a *rank* (`_rank.run_rank`), a process forked from the host's fork
server. A rank trains in a `Loop` over a `Session`: strategy, model, optimiser and rows (`_feed`, `_order`). It reports
at about 5 Hz through its supervisor to the controller's `Scoreboard`; what comes out is written to the run's folder
(`_journal`), which every kernel can read. Checkpoints (`_checkpoint`) are what a run goes on from, whatever happened.

What a user names or hands over (optimiser, loss, metrics, callbacks) is described in the kernel (`_parts`), tried
before any work is done (`_check`) and made by each rank (`_make`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lepton_lab.train._compiled import EAGER, compiled_in, compiled_of, missing_in, told
from lepton_lab.train._job import AUGMENTATIONS, PRECISIONS, Job
from lepton_lab.train._journal import (
    Reader,
    forget_wishes,
    kill_owner,
    owner_lives,
    read_run,
    wish,
    write_owner,
    write_run,
)
from lepton_lab.train._layout import STRATEGIES, layouts, of_one_kind
from lepton_lab.train._parts import describe, describe_all, name_of
from lepton_lab.train._written import written

if TYPE_CHECKING:
    from lepton_lab.train._checkpoint import fits
    from lepton_lab.train._controller import Order
    from lepton_lab.train._family import LeptonModel

KINDS = ("cnn", "mlp")
"""The kinds of `LeptonModel`."""

_HOMES = {"Order": "_controller", "LeptonModel": "_family", "fits": "_checkpoint"}

__all__ = [
    "AUGMENTATIONS",
    "EAGER",
    "KINDS",
    "PRECISIONS",
    "STRATEGIES",
    "Job",
    "LeptonModel",
    "Order",
    "Reader",
    "compiled_in",
    "compiled_of",
    "describe",
    "describe_all",
    "fits",
    "forget_wishes",
    "kill_owner",
    "layouts",
    "missing_in",
    "name_of",
    "of_one_kind",
    "owner_lives",
    "read_run",
    "told",
    "wish",
    "write_owner",
    "write_run",
    "written",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(f"lepton_lab.train.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
