"""What a model and rows that come to it call their columns, classes and numbers: matched by name, never by place.

A file that was written another time has its columns in another order, or lacks a class, and every shape still fits: by
place, the answers would be wrong without a word. So a model's record has the names that it was trained with, and
whatever comes to it goes through here. The same names in another order are put right, and said; a name that the model
doesn't know, or one that it needs, is refused. What has no names (an array) is taken by place, as NumPy has it.

Text becomes a column of 0 and 1 for each value, `kind=a`. Rows of which none has a certain value lack its column: it is
0 throughout, which is no guess.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lepton_lab.errors import InputError
from lepton_lab.runtime._ends import NAMED
from lepton_lab.runtime._shapes import input_shapes, is_same_row, same_row_note
from lepton_lab.types import Arrangement, Dataset, Model, Scaling, Target

_MOST = 12
"""Names that a message lists."""


def names_of(dataset: Dataset) -> dict[str, Any]:
    """The names that a model keeps of the data set that it is made for or trained on, as fields of its record."""
    return {
        "classes": dataset.target.classes,
        "columns": dataset.columns,
        "target": dataset.target.name,
        "target_classes": {name: target.classes for name, target in dataset.targets.items()},
    }


def arranged(model: Model, dataset: Dataset) -> Dataset:
    """The data set with its columns, classes and rows' shapes as the model has them; the same one, where they are so.

    Shapes are put right where they differ by a last axis of 1. Others are `check_fits`'s matter, and so is a data set
    that shares no class with the model and has another number of them.

    Raises
    ------
    InputError
        If a column, class, label or number is unknown to the model, or one is missing that it needs.
    """
    return _shaped(model, _named(model, _by_place(model, _as_numbers(model, dataset))))


def _as_numbers(model: Model, dataset: Dataset) -> Dataset:
    """The data set with whole numbers, where these were taken as classes by a guess and the model answers with one."""
    target = dataset.target
    is_guess = target.kind == "classes" and "--task regression" in target.note
    if not is_guess or dataset.targets or target.positions or target.outputs_in(model.output_shape) != 1:
        return dataset
    if len(target.classes) <= 2 and not _knows_numbers(model):  # an answer may be the second one's probability
        return dataset
    numbers = tuple(map(float, target.classes))
    if any(float(np.float32(number)) != number for number in numbers):
        return dataset
    note = (
        f"the target of {dataset.name!r}, taken as {len(numbers)} classes when it was loaded, is numbers to "
        f"{model.name}, which answers with one"
    )
    arrangement = replace(dataset.arrangement, numbers=numbers, notes=(*dataset.arrangement.notes, note))
    return replace(dataset, target=Target("numbers", target.name), arrangement=arrangement)


def _by_place(model: Model, dataset: Dataset) -> Dataset:
    """The data set with a class for each of a new model's answers, where labels are whole numbers and some of these
    never occur: they are places from 0 on, as in Keras."""
    target = dataset.target
    outputs = target.outputs_in(model.output_shape) or 0
    if dataset.targets or target.positions or target.kind != "classes" or outputs <= len(target.classes):
        return dataset
    places = tuple(map(str, range(outputs)))
    if model.classes or not set(target.classes) <= set(places):
        return dataset
    absent = [name for name in places if name not in target.classes]
    note = (
        f"the labels of {dataset.name!r} are places from 0 on among the {outputs} answers of {model.name}; no row has "
        f"{listed(absent)}"
    )
    classes = tuple(map(int, target.classes))
    return replace(
        dataset, target=replace(target, classes=places), arrangement=_after(dataset, (), classes, (), [note])
    )


def _knows_numbers(model: Model) -> bool:
    """Whether it was trained for numbers."""
    return bool(model.dataset is not None and model.target and not model.classes and not model.target_classes)


def _shaped(model: Model, dataset: Dataset) -> Dataset:
    """The data set with its rows in the shapes that the model takes, where they differ by a last axis of 1."""
    if bool(dataset.inputs) == bool(model.input_shape) or (not model.input_shape and model.format not in NAMED):
        return dataset  # one input and several: `check_fits` says so
    own = {name: shape for name, (shape, _) in dataset.inputs.items()} or {"": dataset.input_shape}
    both = {name: (own[name], shape) for name, shape in input_shapes(model).items() if name in own}
    differing = {name: pair for name, pair in both.items() if is_same_row(*pair)}
    if not differing:
        return dataset
    before = dataset.arrangement.shapes
    shapes = {name: (before[name][0] if name in before else own, new) for name, (own, new) in differing.items()}
    notes = [
        same_row_note(f"{dataset.name!r}" + (f", input {name!r}," if name else ""), stored, model.name, taken)
        for name, (stored, taken) in differing.items()
    ]
    arrangement = replace(dataset.arrangement, shapes={**before, **shapes}, notes=(*dataset.arrangement.notes, *notes))
    inputs = {
        name: (shapes[name][1] if name in shapes else shape, dtype) for name, (shape, dtype) in dataset.inputs.items()
    }
    shape = shapes[""][1] if "" in shapes else dataset.input_shape
    return replace(dataset, input_shape=shape, inputs=inputs, arrangement=arrangement)


def _named(model: Model, dataset: Dataset) -> Dataset:
    """The data set with its columns and classes as the model has them."""
    if model.dataset is None and model.outside is None:
        return dataset  # never seen one: it knows no names
    whose = f"{dataset.name!r}"
    columns, notes = match_columns(model, dataset.columns, whose) if not dataset.inputs else ((), [])
    for name, target in dataset.targets.items():
        _check_same(model, name, model.target_classes.get(name, ()), target.classes, whose)
    target = dataset.target
    if _knows_numbers(model) and target.classes and not target.positions and not dataset.targets:
        raise InputError(
            f"{model.name!r} was trained for numbers, {model.target!r}, but {whose} has the {target.kind} "
            f"{listed(target.classes)}: name other data, or load it with --task regression."
        )
    classes: tuple[int, ...] = ()
    answers: tuple[int, ...] = ()
    if not dataset.targets and target.kind == "classes" and not target.positions:
        classes, more = _match_classes(model, target.classes, whose)
        target, notes = replace(target, classes=model.classes) if classes else target, [*notes, *more]
    elif not dataset.targets and target.kind != "classes":  # at positions they are numbers as they came
        known = () if model.classes and target.kind == "numbers" else answer_names(model)
        answers, more = _match_answers(model, known, target.answer_names, target.kind, whose)
        if answers:
            names = {"classes": known} if target.kind == "labels" else {"name": ",".join(known)}
            target, notes = replace(target, **names), [*notes, *more]
    if not columns and not classes and not answers:
        return dataset if not notes else replace(dataset, arrangement=_after(dataset, (), (), (), notes))
    if columns:
        dataset = replace(dataset, scaling=_scaling(dataset.scaling, columns), input_shape=(len(columns),))
        dataset = replace(dataset, columns=model.columns)
    return replace(dataset, target=target, arrangement=_after(dataset, columns, classes, answers, notes))


def answer_names(model: Model) -> tuple[str, ...]:
    """What the model's answer to a row has a number for, by name, in order; () where it knows no names."""
    if model.dataset is None and model.outside is None:
        return ()
    return model.classes or (tuple(model.target.split(",")) if "," in model.target else ())


def match_columns(model: Model, given: Sequence[str], whose: str) -> tuple[tuple[int, ...], list[str]]:
    """Where the columns that a model takes are among those given.

    Parameters
    ----------
    given
        Names of the columns that there are, each once.
    whose
        What has them, for messages.

    Returns
    -------
    places
        For each column that the model takes, its place, or -1 for a value of a text that no row has; () where all are
        in their places.
    notes
        What was put right.

    Raises
    ------
    InputError
        Names the columns that are unknown or missing.
    """
    known, given = model.columns, tuple(given)
    if known == given:
        return (), []
    if not known:
        return (), [f"{model.name} knows no names of columns: those of {whose} are taken in their order"]
    if not given:
        return (), [f"{whose} has no names of columns: they are taken in the order {listed(known)}"]
    unknown = [name for name in given if name not in known]
    missing = [name for name in known if name not in given]
    texts = {name.partition("=")[0] for name in given if "=" in name}
    absent = [name for name in missing if "=" in name and name.partition("=")[0] in texts]
    missing = [name for name in missing if name not in absent]
    if unknown or missing:
        raise InputError(_refusal(model, "column", unknown, missing, known, whose))
    notes = [f"no row of {whose} has {listed(absent)}: 0 throughout"] if absent else []
    if [name for name in known if name not in absent] != list(given):
        notes.insert(0, f"the columns of {whose} were put in the order of {model.name}: {listed(known)}")
    return tuple(given.index(name) if name in given else -1 for name in known), notes


def _match_classes(model: Model, given: tuple[str, ...], whose: str) -> tuple[tuple[int, ...], list[str]]:
    """The number with the model of each class given, and what is to be said of it; () where they are the same."""
    known = model.classes
    if known == given or not known or (len(known) != len(given) and not set(known) & set(given)):
        return (), []
    unknown = [name for name in given if name not in known]
    if unknown:
        raise InputError(_refusal(model, "class", unknown, [], known, whose))
    absent = [name for name in known if name not in given]
    notes = [f"the classes of {whose} were numbered as {model.name} has them: {listed(known)}"]
    notes += [f"no row of {whose} has the class {listed(absent)}"] if absent else []
    return tuple(known.index(name) for name in given), notes


def _match_answers(
    model: Model, known: tuple[str, ...], given: tuple[str, ...], kind: str, whose: str
) -> tuple[tuple[int, ...], list[str]]:
    """The place of each label or number that the model gives among those given; () where they are the same."""
    if known == given or not known or not given or (len(known) != len(given) and not set(known) & set(given)):
        return (), []
    unknown, missing = ([name for name in a if name not in b] for a, b in ((given, known), (known, given)))
    one = kind.removesuffix("s")
    if unknown or missing:
        raise InputError(_refusal(model, one, unknown, missing, known, whose))
    notes = [f"the {kind} of {whose} were put in the order of {model.name}: {listed(known)}"]
    return tuple(given.index(name) for name in known), notes


def _check_same(model: Model, name: str, known: tuple[str, ...], given: tuple[str, ...], whose: str) -> None:
    """Raise InputError where one of several targets has other classes than the model knows, or in another order."""
    if known and known != given:
        unknown, missing = ([one for one in a if one not in b] for a, b in ((given, known), (known, given)))
        said = _refusal(model, "class", unknown, missing, known, f"{whose}, target {name!r},")
        raise InputError(said if unknown or missing else f"{whose} has the classes of {name!r} in another order.")


def _refusal(
    model: Model, what: str, unknown: Sequence[str], missing: Sequence[str], known: Sequence[str], whose: str
) -> str:
    """One line that names what doesn't fit."""
    plural = "classes" if what == "class" else f"{what}s"
    parts = []
    if unknown:
        near = _nearest(unknown[0], missing or known)
        one = what if len(unknown) == 1 else plural
        parts.append(f"has the {one} {listed(unknown)}, which {model.name!r} doesn't know{near}")
    if missing:
        parts.append(f"lacks the {what if len(missing) == 1 else plural} {listed(missing)}")
    return f"{whose} {', and '.join(parts)}: its {plural} must be {listed(known)}, by these names."


def _nearest(name: str, known: Sequence[str]) -> str:
    """A hint at what may have been meant."""
    plain = {one.strip().casefold(): one for one in known}
    near = difflib.get_close_matches(name.strip().casefold(), plain, n=1, cutoff=0.7)
    return f" (did it mean {plain[near[0]]!r}?)" if near else ""


def listed(names: Sequence[str]) -> str:
    """Names for a message, the first of them."""
    return ", ".join(map(repr, names[:_MOST])) + (f" and {len(names) - _MOST} more" if len(names) > _MOST else "")


def _scaling(scaling: Scaling, columns: tuple[int, ...]) -> Scaling:
    if len(scaling.mean) == 1:
        return scaling
    mean, deviation = (*scaling.mean, 0.0), (*scaling.deviation, 1.0)
    return Scaling(tuple(mean[place] for place in columns), tuple(deviation[place] for place in columns))


def _after(
    dataset: Dataset,
    columns: tuple[int, ...],
    classes: tuple[int, ...],
    answers: tuple[int, ...],
    notes: Sequence[str],
) -> Arrangement:
    """An arrangement that follows on the one that the data set has."""
    first = dataset.arrangement
    return Arrangement(
        _through(first.columns, columns),
        # the other way round: these lead from the stored ones to the model's
        _through(classes, first.classes),
        _through(first.answers, answers),
        first.numbers,
        first.shapes,
        tuple(dict.fromkeys((*first.notes, *notes))),
    )


def _through(first: tuple[int, ...], second: tuple[int, ...]) -> tuple[int, ...]:
    """The places `second` picks among those that `first` picked."""
    return tuple(first[n] if n >= 0 else -1 for n in second) if first and second else first or second
