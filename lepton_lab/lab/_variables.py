"""Models and data that are given as variables of the notebook instead of by the names that the lab has for them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lepton_lab.data import is_frame
from lepton_lab.errors import InputError
from lepton_lab.events import Progress
from lepton_lab.files import read_json, write_json
from lepton_lab.lab._keras_object import has_open_sizes
from lepton_lab.lab._rows_object import by_column, mark_of_rows
from lepton_lab.runtime import input_names, input_shapes, is_same_row
from lepton_lab.train import KINDS, compiled_of
from lepton_lab.types import Dataset, Held, Model

if TYPE_CHECKING:
    from lepton_lab.lab._lab import Lab

_KERAS = ("keras", "tf_keras")
VARIABLE = "variable.json"
"""In the folder of a data set that was loaded from a variable, or from rows in memory: what these were."""


def is_keras_model(value: object) -> bool:
    """Whether something is a model of tf_keras or Keras 3; imports neither."""
    bases = ((str(base.__module__).partition(".")[0], base.__name__) for base in type(value).__mro__)
    return any(module in _KERAS and name == "Model" for module, name in bases)


def mark_of(model: Any) -> str:
    """What changes when a Keras model of the notebook does: its layers, its weights or what it was compiled with.

    It is three digests with colons between: of all of these, of the layers, and of what it was compiled with.
    """
    try:
        config = json.dumps(model.get_config(), default=str, sort_keys=True)
    except Exception:  # a model class of one's own need not have one; that it can't be brought in is said elsewhere
        config = ""
    config = re.sub(r"0x[0-9a-f]+", "", config)
    compiled = json.dumps(compiled_of(model), default=_digest, sort_keys=True)
    compiled = re.sub(r'("name": "[^"]*?)_\d+"', r'\1"', compiled)  # Keras numbers metrics that have none, as auc_1
    digest = hashlib.sha256("\n".join([config, compiled]).encode())
    for weight in model.get_weights():
        digest.update(f"{weight.shape} {weight.dtype}".encode())
        digest.update(weight.tobytes())
    few = (hashlib.sha256(text.encode()).hexdigest()[:16] for text in (config, compiled))
    return ":".join([digest.hexdigest(), *few])


def _digest(pickled: bytes) -> str:
    return hashlib.sha256(pickled).hexdigest()


def model_name(lab: Lab, given: object, dataset: Dataset | None = None, arrays: object = None) -> tuple[str, str]:
    """The name of a model that is given by its name, or as a Keras model, which is brought in where it isn't there as
    it is now.

    Parameters
    ----------
    dataset
        Whose rows it is for, if that is known: sizes that its inputs leave open are taken from these.
    arrays
        The rows themselves instead: an array, or a dict of arrays by the names of inputs.

    Returns
    -------
    The name, and what was done for it; empty where nothing was.

    Raises
    ------
    InputError
        If it is neither; says what it is.
    """
    value = given.value if isinstance(given, Held) else given
    if is_keras_model(value):
        name = str(given) if isinstance(given, Held) else str(getattr(value, "name", "model"))
        rows = _shapes_in(arrays) if dataset is None else rows_of(dataset)
        is_there = name in lab.model.names()
        fits = not rows or not has_open_sizes(value) or (is_there and _takes(lab.model.show(name), rows))
        known = lab.model.show(name) if is_there else None
        whole, *parts = mark_of(value).split(":")
        known_whole, *known_parts = known.mark.split(":") if known is not None else [""]
        is_same = whole == known_whole or (parts == known_parts and _has_weights_of(lab, known, value))
        if fits and is_same:
            return name, ""
        has_its_layers = parts[:1] == known_parts[:1]
        lab.model.bring(value, name, rows, known if has_its_layers else None)
        why = "brought in anew, since it has changed" if is_there else "brought in"
        whose = f"rows of {dataset.name!r}" if dataset else "these rows"
        sizes = f", for {whose}, whose sizes it takes" if rows and has_open_sizes(value) else ""
        stays = [version.number for version in lab.model.show(name).versions if known is not None]
        kept = f"; what it was stays as {name}@{known.version}" if known and known.version in stays else ""
        note = f"The model {name} is the notebook's Keras model, {why}{sizes}{kept}{_anew(value)}."
        lab.events.publish(Progress(f"model add {name}", note, 1.0))
        return name, note
    if not isinstance(given, str):
        raise InputError(f"Got a {type(given).__name__}, expected a model's name or a Keras model.")
    if isinstance(given, Held) and given not in (*lab.model.names(), *KINDS):
        raise InputError(
            f"No model is called {str(given)!r}, and the variable of that name holds a {type(value).__name__}: give a "
            "variable that holds a Keras model, or make a model (%lepton model new NAME)."
        )
    return str(given), ""


def _anew(model: Any) -> str:
    """What to say of the optimizer of a Keras model that was fitted in the notebook."""
    iterations = getattr(getattr(model, "optimizer", None), "iterations", None)
    steps = 0 if iterations is None else int(np.asarray(iterations))
    return f"; its optimizer, which has taken {steps:,} steps, begins anew when it is trained" if steps else ""


def _has_weights_of(lab: Lab, model: Model | None, value: Any) -> bool:
    """Whether a Keras model of the notebook has the weights that the lab's one has now, as after `set_weights`."""
    if model is None or model.format != "keras":
        return False
    mine, its = value.get_weights(), lab.model.weights(model.name)
    return len(mine) == len(its) and all(np.array_equal(one, other) for one, other in zip(mine, its, strict=True))


def rows_of(dataset: Dataset) -> dict[str, tuple[int, ...]]:
    """The shape of one row for each of a data set's inputs, by name; "" for a single one."""
    return {name: shape for name, (shape, _) in dataset.inputs.items()} or {"": dataset.input_shape}


def _shapes_in(arrays: object) -> dict[str, tuple[int, ...]]:
    """The shape of one row in each of these arrays, by name; "" for a single one, and nothing of what has no shape."""
    named = arrays if isinstance(arrays, Mapping) else {"": arrays}
    shapes = {str(name): getattr(array, "shape", None) for name, array in named.items()}
    return {name: tuple(map(int, shape[1:])) for name, shape in shapes.items() if isinstance(shape, tuple)}


def _takes(model: Model, rows: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether a model's inputs have these shapes."""
    own = input_shapes(model)
    if len(own) == len(rows) == 1:
        own, rows = ({"": next(iter(shapes.values()))} for shapes in (own, rows))
    return all(name in own and (own[name] == shape or is_same_row(own[name], shape)) for name, shape in rows.items())


def data_name(lab: Lab, given: str, model: object = None) -> tuple[str, str]:
    """The name of a data set that is given by its name, or by that of a variable with rows or a path, which are loaded
    under it where they aren't there as they are now.

    Parameters
    ----------
    model
        The model that they are for, as `model_name` takes it, if that is known: where it has an input for each of
        several columns of a frame, these are taken so.

    Returns
    -------
    The name, and what was done for it, or that the data set isn't what the variable holds; empty where nothing was.

    Raises
    ------
    InputError
        If it is neither; says what it is.
    """
    if not isinstance(given, str):
        raise InputError(
            f"Got a {type(given).__name__}, expected a data set's name: load it by lab.data.load(rows, name=...)."
        )
    if not isinstance(given, Held):
        return str(given), ""
    name, value = str(given), given.value
    is_there = name in lab.data.names()
    is_path = isinstance(value, str | Path) and (not is_there or Path(value).expanduser().exists())
    if not (is_path or isinstance(value, tuple | list | dict) or hasattr(value, "shape")):
        if is_there:
            return name, ""
        raise InputError(
            f"No data set is called {name!r}, and the variable of that name holds a {type(value).__name__}: give one "
            "that holds (x, y), an array, a frame or a path, or load a data set (%lepton data load)."
        )
    known = _loaded_from(lab, name) if is_there else {}
    if known is None:
        return name, ""
    rows: object = value
    inputs: tuple[str, ...] = ()
    if "options" not in known and is_frame(value) and (inputs := _inputs_of(lab, model)):
        rows = by_column(value, inputs, name)
    mark = mark_of_rows(value, inputs)
    if known.get("mark") == mark:
        return name, ""
    if "options" not in known:
        lab.data.load(rows, name=name)
        write_json(lab.data.get(name).folder / VARIABLE, {"mark": mark})
    elif known["options"] is not None:
        lab.data.load(rows, name=given, **known["options"])
    else:
        note = f"The data set {name} was loaded from other rows than the variable {name} holds now, and stays as it is."
        lab.events.publish(Progress(f"data load {name}", note, 1.0))
        return name, note
    why = "anew from the variable, which has changed" if is_there else f"from the variable {name}"
    note = f"The data set {name} was loaded {why}."
    lab.events.publish(Progress(f"data load {name}", note, 1.0))
    return name, note


def note_rows(dataset: Dataset, rows: object, options: Mapping[str, Any] | None) -> None:
    """Note which rows in memory a data set was loaded from, so that `data_name` sees when a variable holds others.

    Parameters
    ----------
    options
        What else it takes to load a variable anew; None where that can't be done, or it is from no variable.
    """
    write_json(dataset.folder / VARIABLE, {"mark": mark_of_rows(rows), "options": options})


def _loaded_from(lab: Lab, name: str) -> Mapping[str, Any] | None:
    """What is known of the rows that a data set was loaded from; None where it is from elsewhere."""
    try:
        known: Mapping[str, Any] = read_json(lab.data.get(name).folder / VARIABLE)
        return known if isinstance(known["mark"], str) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _inputs_of(lab: Lab, model: object) -> tuple[str, ...]:
    """The names of a model's inputs where it has several; else ()."""
    value = model.value if isinstance(model, Held) else model
    if is_keras_model(value):
        inputs = getattr(value, "inputs", None) or ()  # it may not be built
        return tuple(input_names(value)) if len(inputs) > 1 else ()
    if not isinstance(value, str) or value not in lab.model.names():
        return ()
    record = lab.model.show(value)
    return () if record.input_shape or record.format != "keras" else tuple(input_shapes(record))
