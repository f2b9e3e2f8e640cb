"""A model file's answers to rows, whichever program runs the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import InputError
from lepton_lab.runtime._base import Port
from lepton_lab.runtime._open import open_model
from lepton_lab.types import records


def predict(
    model_file: Path,
    rows: NDArray[Any],
    batch_size: int = 512,
    code: Path | None = None,
    *,
    marks_masked: bool = False,
) -> NDArray[Any]:
    """What the model in `model_file` answers.

    Parameters
    ----------
    model_file, code
        As for `open_model`.
    rows
        Raw rows, shape (n, *input_shape), or records of shape (n,) with the names of the model's inputs; may be
        memory-mapped, since only a batch at a time is read.
    batch_size
        How many rows go in at once.
    marks_masked
        As for `open_model`.

    Returns
    -------
    Answers, shape (n, *output_shape), float32. Of a model with several outputs records of shape (n,), a field for each
    by its name: `answers["price"]` is one, and `lepton_lab.types.fields` takes all apart.

    Raises
    ------
    InputError
        If the file can't be opened, or doesn't take such rows.
    """
    model = open_model(model_file, code, marks_masked=marks_masked)
    _check_inputs(model_file, model.inputs, rows)
    answers = [model.run(rows[start : start + batch_size]) for start in range(0, len(rows), batch_size)]
    return np.concatenate(answers) if answers else _no_answers(model.outputs)


def _check_inputs(model_file: Path, inputs: tuple[Port, ...], rows: NDArray[Any]) -> None:
    """Raise InputError unless rows are records where the model has several inputs, and plain where it has one."""
    names, given = ", ".join(port.name for port in inputs), rows.dtype.names
    if (given is not None) != (len(inputs) > 1):
        what = f"several inputs ({', '.join(given)})" if given else "one input"
        raise InputError(f"{model_file} has the inputs {names}, but the rows have {what}.")


def _no_answers(outputs: tuple[Port, ...]) -> NDArray[Any]:
    arrays = {port.name: np.zeros((0, *port.shape[1:]), np.float32) for port in outputs}
    return records(arrays) if len(arrays) > 1 else arrays[outputs[0].name]
