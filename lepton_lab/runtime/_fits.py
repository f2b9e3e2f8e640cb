"""Whether a model can take a data set's rows, and answers what its targets need."""

from __future__ import annotations

from collections.abc import Iterable

from lepton_lab.errors import InputError
from lepton_lab.runtime._endings import read_output_names
from lepton_lab.runtime._ends import NAMED, read_ends
from lepton_lab.runtime._names import arranged
from lepton_lab.types import Dataset, Model, Target

_MEND = "name the data set that the model was made for"


def fitted(model: Model, dataset: Dataset) -> Dataset:
    """The data set as the model takes it: its columns and classes matched by name, and its shapes checked.

    What opens its rows (`open_rows`) gives them so. Its `arrangement.notes` say what was put right.

    Raises
    ------
    InputError
        If names or shapes don't fit.
    """
    found = arranged(model, dataset)
    check_fits(model, found)
    return found


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
    if model.format not in NAMED:
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


def check_one_each(model: Model, dataset: Dataset, work: str, instead: str) -> None:
    """Raise InputError where a model or its data set has several inputs or outputs, for work that can't take them."""
    _check_shape_known(model)
    # a model's record has no shape where there are several
    if not model.input_shape or not model.output_shape or dataset.inputs or dataset.targets:
        raise InputError(
            f"Model {model.name!r} has several inputs or outputs, and {work} takes models with one of each: use "
            f"{instead}."
        )


def check_no_positions(dataset: Dataset, work: str, instead: str) -> None:
    """Raise InputError where a row has a target at each of its positions, for work that takes one a row."""
    for target in dataset.targets.values() if dataset.targets else [dataset.target]:
        if target.positions:
            raise InputError(
                f"{dataset.name!r} has {target.describe()}, and {work} takes one target a row: use {instead}."
            )


def _check_rows(model: Model, dataset: Dataset) -> None:
    if not model.input_shape:
        names = ", ".join(read_ends(model.file).inputs) if model.format in NAMED else "several"
        raise InputError(
            f"Model {model.name!r} has the inputs {names}, but {dataset.name!r} has one, of shape "
            f"{tuple(dataset.input_shape)}: load a dict of arrays by these names, or name a variable that holds a "
            "frame with these columns."
        )
    if tuple(model.input_shape) != tuple(dataset.input_shape):
        raise InputError(
            f"Model {model.name!r} takes rows of shape {tuple(model.input_shape)}, but those of {dataset.name!r} have "
            f"{tuple(dataset.input_shape)}; {_MEND}."
        )


def _check_answers(model: Model, target: Target, name: str) -> None:
    _check_shape_known(model)
    if not model.output_shape:
        raise InputError(f"Model {model.name!r} has several outputs, but {name!r} has one target; {_MEND}.")
    outputs = target.outputs_in(model.output_shape)
    if outputs is None:
        raise InputError(
            f"Model {model.name!r} answers with shape {tuple(model.output_shape)} a row, but {name!r} has "
            f"{target.describe()}; {_MEND}."
        )
    if not target.takes(outputs):
        where = "a position" if target.positions else "a row"
        is_guessed = outputs == 1 and "--task regression" in target.note
        mend = f"{target.note}: load it so, or {_MEND}" if is_guessed else _MEND
        raise InputError(
            f"Model {model.name!r} answers with {outputs} numbers {where}, but {name!r} needs "
            f"{target.num_outputs} ({target.kind}); {mend}."
        )


def _check_shape_known(model: Model) -> None:
    """Raise InputError where a model's only answer to a row is a single value: a record's () stands for several."""
    if model.format == "keras" and not model.output_shape and len(read_output_names(model.file)) == 1:
        raise InputError(
            f"Model {model.name!r} answers with a single value a row, of shape (): end it with answers of shape (1,), "
            "as keras.layers.Reshape((1,)) gives them, or of a number for each class."
        )


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
