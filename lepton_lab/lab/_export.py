"""`lab.export`: a model as a file or folder that works without the lab, remembered in the workspace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.events import NamesChanged
from lepton_lab.export import FORMATS
from lepton_lab.runtime import fitted
from lepton_lab.types import Bundle, Dataset, Model

if TYPE_CHECKING:
    from lepton_lab.lab._lab import Lab


def export(lab: Lab, source: Model, format: str, to: Path | str | None, rows: int) -> Bundle:
    """See `Lab.export`."""
    if format not in FORMATS:
        raise UnknownNameError("export format", format, FORMATS)
    suffix = FORMATS[format].SUFFIX or f"-{format}"
    path = Path(to).expanduser().absolute() if to else lab.workspace.path("exports", f"{source.name}{suffix}")
    arguments = {"model": source, "format": format, "to": path, "dataset": _dataset_for(lab, source), "rows": rows}
    bundle: Bundle = lab.call("lepton_lab.export:export", arguments)
    lab.workspace.add_bundle(bundle)
    lab.events.publish(NamesChanged("export", path.name))
    return bundle


def _dataset_for(lab: Lab, model: Model) -> Dataset | None:
    """The data set that a model was made for, unless other rows have its name by now."""
    if model.dataset is None or model.dataset not in lab.data.names():
        return None
    dataset = lab.data.get(model.dataset)
    try:
        fitted(model, dataset)
    except InputError:
        return None
    return dataset
