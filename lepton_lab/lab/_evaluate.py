"""`lab.evaluate`: a model's answers to a split, and how good they are."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lepton_lab.errors import UnknownNameError
from lepton_lab.export import MANIFEST
from lepton_lab.files import read_json
from lepton_lab.lab._drawn import draw
from lepton_lab.lab._predict import PREVIEW, answering_split
from lepton_lab.lab._training import unpacked
from lepton_lab.runtime import are_logits, fitted, format_of, open_rows
from lepton_lab.train import missing_in
from lepton_lab.types import Dataset, Evaluation, Model

if TYPE_CHECKING:
    from lepton_lab.lab._lab import Lab


def evaluate(lab: Lab, model: Model, dataset: Dataset, split: str, against: Model | None) -> Evaluation:
    """See `Lab.evaluate`."""
    models = [_checked(lab, one, dataset, split) for one in (model, against) if one is not None]
    arguments: dict[str, Any] = dict(zip(("model", "other"), models, strict=False))
    function = "evaluate" if against is None else "evaluate_against"
    with ExitStack() as stack:
        for name, one in zip(("answers_file", "other_file"), models, strict=False):
            answers = stack.enter_context(answering_split(lab, one, fitted(one, dataset), split, marks_masked=True))
            arguments[name] = answers.file
        result: Evaluation = lab.call(
            f"lepton_lab.evaluate:{function}", {**arguments, "dataset": dataset, "split": split}
        )
        file = arguments["answers_file"]
        others, notes = _compiled_metrics(lab, models[0], dataset, split, file)
        metrics = {**result.metrics, **{name: value for name, value in others.items() if name not in result.metrics}}
        images = _images(models[0], fitted(models[0], dataset), split, file)
        return replace(result, metrics=metrics, notes=(*result.notes, *notes), images=images)


def _compiled_metrics(
    lab: Lab, model: Model, dataset: Dataset, split: str, answers_file: Path
) -> tuple[dict[str, float], list[str]]:
    """The metrics that a model was compiled with, and what is to be said of them."""
    parts = {name: model.compiled[name] for name in ("metrics", "weighted_metrics") if model.compiled.get(name)}
    if not parts or model.format != "keras":
        return {}, []
    if lost := missing_in(list(parts.values())):
        return {}, [
            f"The metrics that the model was compiled with are left out: {lost} is code that its file doesn't hold."
        ]
    given = {"metrics": (), **unpacked(parts), "model": model, "dataset": dataset, "split": split}
    found: dict[str, float] = lab.call(
        "lepton_lab.train._compiled_metrics:compiled_metrics", {**given, "answers_file": answers_file}
    )
    return found, []


def _images(model: Model, dataset: Dataset, split: str, answers_file: Path) -> tuple[tuple[str, str], ...]:
    """The first rows, where answers are pictures."""
    answers = np.load(answers_file, mmap_mode="r")
    x, y = (np.asarray(part[:PREVIEW]) for part in open_rows(dataset, split))
    if dataset.targets or answers.dtype.names:
        return ()
    return draw(x, np.asarray(answers[:PREVIEW]), dataset.target, y, are_logits(model, dataset.target, answers))


def model_or_file(lab: Lab, name: str) -> Model:
    """The lab's model of that name, else the file of that path; the file's shapes are not known yet.

    Raises
    ------
    UnknownNameError
        If there is neither.
    """
    path = Path(name).expanduser().absolute()
    if lab.workspace.has_model(name):
        return lab.model.show(name)
    if not path.exists():
        raise UnknownNameError("model or file", name, lab.model.names(), "Make a model: %lepton model new NAME.")
    format = format_of(path)
    return Model(name, path.parent, "file", "exported", format, (), (), num_parameters=0, outside=path, **_names(path))


def _names(path: Path) -> dict[str, Any]:
    """The names that an exported file was trained with, by the manifest beside it; none where there is none."""
    try:
        manifest = read_json(path / MANIFEST if path.is_dir() else path.with_name(f"{path.name}.json"))
        if manifest["file"] != path.name:
            return {}
        return {
            "classes": tuple(manifest["classes"]),
            "columns": tuple(manifest["columns"]),
            "target": manifest["target"],
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _checked(lab: Lab, model: Model, dataset: Dataset, split: str) -> Model:
    """The model, when it is sure that it can answer these rows."""
    if model.outside is not None:
        found: Model = lab.call("lepton_lab.evaluate:look_into", {"model": model, "dataset": dataset, "split": split})
        return found
    fitted(model, dataset)
    return model
