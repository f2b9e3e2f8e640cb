"""`lab.evaluate`: a model's answers to a split, and how good they are."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton_lab.errors import UnknownNameError
from lepton_lab.lab._predict import answering_split
from lepton_lab.runtime import check_fits, format_of
from lepton_lab.types import Dataset, Evaluation, Model

if TYPE_CHECKING:
    from lepton_lab.lab._lab import Lab


def evaluate(lab: Lab, model: Model, dataset: Dataset, split: str, against: Model | None) -> Evaluation:
    """See `Lab.evaluate`."""
    models = [_checked(lab, one, dataset, split) for one in (model, against) if one is not None]
    arguments: dict[str, Any] = dict(zip(("model", "other"), models, strict=False))
    function = "evaluate" if against is None else "evaluate_against"
    with ExitStack() as stack:
        if not (dataset.inputs or dataset.targets):  # else answered in one process
            for name, one in zip(("answers_file", "other_file"), models, strict=False):
                arguments[name] = stack.enter_context(answering_split(lab, one, dataset, split)).file
        result: Evaluation = lab.call(
            f"lepton_lab.evaluate:{function}", {**arguments, "dataset": dataset, "split": split}
        )
    return result


def model_or_file(lab: Lab, name: str) -> Model:
    """The lab's model of that name, else the file of that path; the file's shapes are not known yet.

    Raises
    ------
    UnknownNameError
        If there is neither.
    """
    path = Path(name).expanduser().absolute()
    if name in lab.model.names():
        return lab.model.show(name)
    if not path.exists():
        raise UnknownNameError("model or file", name, lab.model.names(), "Make a model: %lepton model new NAME.")
    format = format_of(path)
    return Model(name, path.parent, "file", "exported", format, (), (), num_parameters=0, outside=path)


def _checked(lab: Lab, model: Model, dataset: Dataset, split: str) -> Model:
    """The model, when it is sure that it can answer these rows."""
    if model.outside is not None:
        found: Model = lab.call("lepton_lab.evaluate:look_into", {"model": model, "dataset": dataset, "split": split})
        return found
    check_fits(model, dataset)
    return model
