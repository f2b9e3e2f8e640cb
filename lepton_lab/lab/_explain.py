"""`lab.explain`: why a model answers as it does, with the numbers in a file of the workspace."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lepton_lab.explain import Options
from lepton_lab.files import scratch
from lepton_lab.lab._numbered import keep_numbered
from lepton_lab.types import Dataset, Explanation, Model

if TYPE_CHECKING:
    from lepton_lab.lab._lab import Lab

FOLDER = "explanations"
"""In the workspace."""


def explain(
    lab: Lab, model: Model, dataset: Dataset, method: str, rows: int | None, split: str, options: Options
) -> Explanation:
    """See `Lab.explain`."""
    folder = lab.workspace.path(FOLDER)
    with scratch(folder) as aside:
        file = aside / "values.npy"
        chosen = {"method": method, "rows": rows, "split": split, "options": options}
        result: Explanation = lab.call(
            "lepton_lab.explain:explain", {"model": model, "dataset": dataset, "file": file, **chosen}
        )
        return replace(result, path=keep_numbered(file, folder, f"{model.name}-{result.method}"))
