"""What a person most likely means: the thing that was made or used last, by this kernel or an earlier one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lepton_lab.lab._lab import Lab

_FOLDERS = {"data set": "data", "model": "models", "run": "runs"}


def latest(lab: Lab, kind: str) -> str:
    """The name of the data set, model or run that was made, trained or trained on last; empty where there is none.

    By the times of the workspace's folders and of its runs, so that no kernel has to remember it.
    """
    names = lab.names(kind) if kind in _FOLDERS else ()
    times = {name: lab.workspace.path(_FOLDERS[kind], name).stat().st_mtime for name in names}
    for run in lab.run.readable():
        used = {"data set": run.dataset, "model": run.model, "run": run.id}.get(kind)
        if used in times:
            times[used] = max(times[used], run.started)
    return max(times, key=lambda name: times[name], default="")
