"""A model file's answers to rows, whichever program runs the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.runtime._keras import load_keras
from lepton_lab.runtime._litert import Interpreter


def predict(
    model_file: Path, rows: NDArray[Any], batch_size: int = 512, code: Path | None = None
) -> NDArray[np.float32]:
    """What the model in `model_file` answers.

    Parameters
    ----------
    model_file
        A `.keras` file, or else a `.tflite` file.
    rows
        Raw rows, shape (n, *input_shape); may be memory-mapped, since only a batch at a time is read.
    batch_size
        How many rows go in at once.
    code
        As for `load_keras`.

    Returns
    -------
    Answers, shape (n, *output_shape), float32.

    Raises
    ------
    InputError
        If the file can't be loaded.
    """
    batches = (rows[start : start + batch_size] for start in range(0, len(rows), batch_size))
    if model_file.suffix == ".keras":
        model = load_keras(model_file, code)
        answers = [np.asarray(model(np.asarray(batch, np.float32), training=False)) for batch in batches]
        shape = model.output_shape[1:]
    else:
        interpreter = Interpreter(model_file)
        answers = [interpreter.run(batch) for batch in batches]
        shape = interpreter.outputs[0].shape[1:]
    return np.concatenate(answers) if answers else np.zeros((0, *shape), np.float32)
