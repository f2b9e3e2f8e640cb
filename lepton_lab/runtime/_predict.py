"""A model file's answers to rows, whichever program runs the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import InputError
from lepton_lab.runtime._keras import load_keras
from lepton_lab.runtime._litert import Interpreter
from lepton_lab.types import fields, records


def predict(model_file: Path, rows: NDArray[Any], batch_size: int = 512, code: Path | None = None) -> NDArray[Any]:
    """What the model in `model_file` answers.

    Parameters
    ----------
    model_file
        A `.keras` file, or else a `.tflite` file.
    rows
        Raw rows, shape (n, *input_shape), or records of shape (n,) with the names of the model's inputs; may be
        memory-mapped, since only a batch at a time is read.
    batch_size
        How many rows go in at once.
    code
        As for `load_keras`.

    Returns
    -------
    Answers, shape (n, *output_shape), float32. Of a model with several outputs records of shape (n,), a field for each
    by its name: `answers["price"]` is one, and `lepton_lab.types.fields` takes all apart.

    Raises
    ------
    InputError
        If the file can't be loaded, or doesn't take such rows.
    """
    batches = (rows[start : start + batch_size] for start in range(0, len(rows), batch_size))
    if model_file.suffix == ".keras":
        model = load_keras(model_file, code)
        _check_inputs(model_file, model.input_names, rows)
        answers = [_as_rows(_name(model, model(_as_inputs(batch), training=False))) for batch in batches]
        shapes = _name(model, model.output_shape)
    else:
        interpreter = Interpreter(model_file)
        if rows.dtype.names or len(interpreter.inputs) > 1 or len(interpreter.outputs) > 1:
            raise InputError(
                f"{model_file} can't be run on these rows: .tflite files are run with one input and one output; use "
                "the Keras model that it was made from."
            )
        answers = [interpreter.run(batch) for batch in batches]
        shapes = interpreter.outputs[0].shape
    return np.concatenate(answers) if answers else _as_rows(_no_rows(shapes))


def _check_inputs(model_file: Path, names: list[str], rows: NDArray[Any]) -> None:
    """Raise InputError unless rows are records where the model has several inputs, and plain where it has one."""
    given = rows.dtype.names
    if (given is not None) != (len(names) > 1):
        what = f"several inputs ({', '.join(given)})" if given else "one input"
        raise InputError(f"{model_file} has the inputs {', '.join(names)}, but the rows have {what}.")


def _as_inputs(batch: NDArray[Any]) -> Any:
    """Rows as a Keras model takes them: float32, by name where there are several inputs."""
    if batch.dtype.names is None:
        return np.asarray(batch, np.float32)
    return {name: np.asarray(array, np.float32) for name, array in fields(batch).items()}


def _name(model: Any, outputs: Any) -> Any:
    """What a model has for each of its outputs: a dict by their names, or the thing itself where there is one."""
    if isinstance(outputs, list):
        return dict(zip(model.output_names, outputs, strict=True))
    return outputs


def _as_rows(answers: Any) -> NDArray[Any]:
    """One array, or records of several."""
    if isinstance(answers, Mapping):
        return records({name: np.asarray(array, np.float32) for name, array in answers.items()})
    return np.asarray(answers, np.float32)


def _no_rows(shapes: Any) -> Any:
    """Answers to no rows."""
    if isinstance(shapes, Mapping):
        return {name: np.zeros((0, *shape[1:]), np.float32) for name, shape in shapes.items()}
    return np.zeros((0, *shapes[1:]), np.float32)
