"""`lab.model.layers`: find the float model that a model was made from, and compare their layers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lepton_lab.errors import InputError
from lepton_lab.lab._predict import check_destination
from lepton_lab.lab._versions import split_name
from lepton_lab.types import LayerReport, Model

if TYPE_CHECKING:
    from lepton_lab.lab._lab import Lab


def layers(lab: Lab, model: Model, against: str | None, data: str | None, to: Path | str | None) -> LayerReport:
    """See `ModelNoun.layers`."""
    path = check_destination(to, ".json")
    other = lab.model.show(against) if against else _parent(lab, model)
    if other is None and (data or to):
        raise InputError(
            f"The model {model.name!r} was made from no other one, and --data and --to are for a comparison: name a "
            "float model with --against."
        )
    dataset = lab.data_of(model, data) if other else None
    arguments = {"model": model, "against": other, "dataset": dataset, "to": path}
    report: LayerReport = lab.call("lepton_lab.compress:inspect_layers", arguments)
    return report


def _parent(lab: Lab, model: Model) -> Model | None:
    """The model that a model was made from; None if it was made from none.

    Raises
    ------
    InputError
        If it isn't there any more as it was then.
    """
    if model.parent is None:
        return None
    base = split_name(model.parent)[0]
    if not lab.workspace.has_model(base):
        raise InputError(
            f"The model {base!r}, from which {model.name!r} was made, is gone: name a float model with --against."
        )
    parent = lab.workspace.model_of(base, model.parent_sha256)
    if parent is None:
        raise InputError(
            f"The model {base!r} was made anew since {model.name!r} was made from it, and that version of it is gone, "
            f"so their answers can't be compared: make {model.name!r} again, or name a float model with --against."
        )
    return parent
