"""Whether a model can take a data set's rows, and answers what its targets need."""

from __future__ import annotations

import math
from collections.abc import Iterable

from lepton_lab.errors import InputError
from lepton_lab.runtime._ends import read_ends
from lepton_lab.types import Dataset, Model, Target

_MEND = "name the data set that the model was made for"


def check_fits(model: Model, dataset: Dataset) -> None:
    """Raise InputError unless rows of `dataset` have the shape that `model` takes and its answers fit the target.

    Where there are several inputs or targets, the model's inputs and outputs must have their names; how many numbers
    each of several outputs has is only known once the model has answered, and `score` looks at that.
    """
    if not dataset.inputs:
        _check_rows(model, dataset)
    if not dataset.targets:
        _check_answers(model, dataset.target, dataset.name)
    if not dataset.inputs and not dataset.targets:
        return
    if model.format != "keras":
        raise InputError(
            f"Model {model.name!r} is in the format {model.format}, which is run with one input and one output, but "
            f"{dataset.name!r} has several: use the Keras model that it was made from."
        )
    ends = read_ends(model.file)
    if dataset.inputs:
        _check_names(model, dataset, "input", ends.inputs, dataset.inputs)
        for name, (shape, _) in dataset.inputs.items():
            if ends.inputs[name] != shape:
                raise InputError(
                    f"Model {model.name!r} takes rows of shape {ends.inputs[name]} as {name!r}, but those of "
                    f"{dataset.name!r} have {shape}; {_MEND}."
                )
    if dataset.targets:
        _check_names(model, dataset, "output", ends.outputs, dataset.targets)


def check_one_each(model: Model, dataset: Dataset | None, work: str) -> None:
    """Raise InputError where a model or its data set has several inputs or outputs, for work that can't take them."""
    # a model's record has no shape where there are several
    if not model.input_shape or not model.output_shape or (dataset and (dataset.inputs or dataset.targets)):
        raise InputError(
            f"Model {model.name!r} has several inputs or outputs, and {work} takes models with one of each."
        )


def _check_rows(model: Model, dataset: Dataset) -> None:
    if tuple(model.input_shape) != tuple(dataset.input_shape):
        raise InputError(
            f"Model {model.name!r} takes rows of shape {tuple(model.input_shape)}, but those of {dataset.name!r} have "
            f"{tuple(dataset.input_shape)}; {_MEND}."
        )


def _check_answers(model: Model, target: Target, name: str) -> None:
    num_outputs = math.prod(model.output_shape)
    if not model.output_shape:
        raise InputError(f"Model {model.name!r} has several outputs, but {name!r} has one target; {_MEND}.")
    if num_outputs != target.num_outputs and not _is_yes_or_no(target, num_outputs):
        raise InputError(
            f"Model {model.name!r} answers with {num_outputs} numbers a row, but {name!r} needs "
            f"{target.num_outputs} ({target.kind}); {_MEND}."
        )


def _is_yes_or_no(target: Target, num_outputs: int) -> bool:
    """Whether a model answers two classes with one number, the probability of the second."""
    return target.kind == "classes" and len(target.classes) == 2 and num_outputs == 1


def _check_names(model: Model, dataset: Dataset, side: str, own: Iterable[str], expected: Iterable[str]) -> None:
    """Raise InputError unless the model's names are the data set's."""
    own, expected = list(own), list(expected)
    what = {"input": "input", "output": "target"}[side]
    for name in expected:
        if name not in own:
            raise InputError(
                f"Model {model.name!r} has no {side} {name!r}, which {dataset.name!r} has as {what}, only "
                f"{', '.join(own)}: name the model's {side} layers as the data set's {what}s."
            )
    for name in own:
        if name not in expected:
            raise InputError(
                f"Model {model.name!r} has an {side} {name!r}, but {dataset.name!r} has no {what} of that name, only "
                f"{', '.join(expected)}; {_MEND}."
            )
