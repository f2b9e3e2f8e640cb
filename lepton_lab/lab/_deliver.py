"""What becomes of a run that has ended well: its model is filed in the lab. Called by name in the run's controller."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lepton_lab.events import NamesChanged, Report
from lepton_lab.files import copy
from lepton_lab.lab._code import copy_code
from lepton_lab.lab._workspace import INITIAL, START, Workspace
from lepton_lab.types import Model, Run


def deliver(run: Run, report: Report, workspace: Path, result: Model, initial: str) -> None:
    """File what a run made, under the result's name.

    Parameters
    ----------
    result
        The model's record but for its metrics.
    initial
        The file in the run's folder that becomes its `initial.keras`.
    """
    with Workspace(workspace).replacing_model(result.name) as save:
        copy(run.folder / result.file.name, save.folder / result.file.name)
        if result.format == "keras":
            copy(run.folder / initial, save.folder / INITIAL)
        copy_code(run.folder, save.folder)
        save(replace(result, metrics=run.metrics))
    for name in (INITIAL, START):
        (run.folder / name).unlink(missing_ok=True)
    report(NamesChanged("model", result.name))
