"""What a model costs and is worth, measured on the `.tflite` file that would be shipped.

A Keras model that LiteRT has no operations for is measured on its `.keras` file, by TensorFlow.
"""

from __future__ import annotations

import gzip
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import ConversionError
from lepton_lab.runtime import (
    Interpreter,
    as_inputs,
    fitted,
    judged_by,
    load_keras,
    logits_among,
    open_model,
    open_rows,
    predict,
    score,
    to_tflite,
)
from lepton_lab.types import CompressedModel, Dataset, Measure, Model

_KERAS_CALLS = 50
"""Of a model that answers one row, to know how long it takes."""


def measure(model: Model, dataset: Dataset, split: str = "test") -> Measure:
    """What `model` costs and is worth; a Keras model is measured as the float32 `.tflite` file that it becomes, if any.

    Parameters
    ----------
    model
        In either format.
    dataset, split
        The rows that accuracy (or the mean absolute error, for numbers) is reported on; of several targets, that of the
        first, under its own name: `kind_accuracy`.

    Raises
    ------
    UnknownNameError
        If the data set has no such split.
    InputError
        If model and data set do not fit together, or the model's file can't be loaded.
    """
    open_rows(dataset, split)
    return _measured([model], dataset, split)[0][0]


def _measured(models: Sequence[Model], dataset: Dataset, split: str) -> tuple[list[Measure], tuple[str, ...]]:
    """Measures that can be compared, since all are of `.tflite` files or none is; and what is worth a word."""
    try:
        contents = [as_tflite(model) for model in models]
    except ConversionError as error:
        note = f"the .keras files are measured, by TensorFlow: {str(error).rstrip('.')}"
        return [_measure_keras(model, fitted(model, dataset), split) for model in models], (note,)
    pairs = zip(contents, models, strict=True)
    return [measure_bytes(content, model, fitted(model, dataset), split)[0] for content, model in pairs], ()


def compare(
    before: Model, after: Model, dataset: Dataset, split: str = "test", layers: Sequence[tuple[str, str]] = ()
) -> CompressedModel:
    """What making `after` of `before` cost and gained, without accuracy if the data set lacks the split.

    `layers` says what was done to each layer.
    """
    (was, now), notes = _measured([before, after], dataset, split)
    return CompressedModel(after, was, now, tuple(layers), (*notes, *fitted(after, dataset).arrangement.notes))


def measure_bytes(content: bytes, model: Model, dataset: Dataset, split: str) -> tuple[Measure, dict[str, float]]:
    """`measure_file` for a file that is not on disk."""
    with tempfile.TemporaryDirectory(prefix="lepton-") as folder:
        file = Path(folder) / "model.tflite"
        file.write_bytes(content)
        return measure_file(file, model, dataset, split)


def measure_file(file: Path, model: Model, dataset: Dataset, split: str) -> tuple[Measure, dict[str, float]]:
    """The measure of a `.tflite` file that answers as `model` does, and all metrics; without accuracy and metrics if
    the data set lacks the split."""
    found, metrics, row = _judged(file, model, dataset, split, lambda row: Interpreter(file).latency(row))
    return replace(found, memory=resident(file, row)), metrics


def _measure_keras(model: Model, dataset: Dataset, split: str) -> Measure:
    """The measure of a Keras model as it is."""

    def latency(row: NDArray[Any]) -> float:
        opened, times = open_model(model.file, model.code), []
        for _ in range(_KERAS_CALLS):
            start = time.perf_counter()
            opened.run(row)
            times.append(time.perf_counter() - start)
        return float(np.median(times))

    found, *_ = _judged(model.file, model, dataset, split, latency)
    return replace(found, runs_by="TensorFlow")


def _judged(
    file: Path, model: Model, dataset: Dataset, split: str, latency: Callable[[NDArray[Any]], float]
) -> tuple[Measure, dict[str, float], NDArray[Any]]:
    """The measure of a file but for its memory, all metrics, and the row that its latency was measured with."""
    content = file.read_bytes()
    metrics: dict[str, float] = {}
    metric = next(iter(judged_by(dataset)))
    rows, targets = open_rows(dataset, split if split in dataset.splits else "train")
    row = np.asarray(rows[:1])
    if split in dataset.splits:
        answers = predict(file, rows, code=model.code if file == model.file else None)
        metrics = score(answers, targets, dataset.target.kind, logits_among(model, dataset, answers))
    found = Measure(
        metrics.get(metric),
        len(content),
        len(gzip.compress(content, 9, mtime=0)),
        latency(row),
        split,
        metric,
        dataset=dataset.name,
    )
    return found, metrics, row


def latencies(models: Sequence[Model], dataset: Dataset, turns: int = 5) -> list[float]:
    """Median seconds for one row of several models as `.tflite`, in turns, so that all meet the same disturbances."""
    row = np.asarray(open_rows(fitted(models[0], dataset), "train")[0][:1])
    interpreters = [Interpreter(as_tflite(model)) for model in models]
    times = [[interpreter.latency(row) for interpreter in interpreters] for _ in range(turns)]
    return [float(np.median(column)) for column in zip(*times, strict=True)]


def as_tflite(model: Model) -> bytes:
    """A model's file, or of a Keras model the float32 one that it becomes."""
    return model.file.read_bytes() if model.format == "tflite" else to_tflite(load_keras(model.file, model.code))


_RUN = """
import sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter(sys.argv[1], num_threads=1)
parts = list(np.load(sys.argv[2]).values())
places = interpreter.get_input_details()
for place, part in zip(places, parts):
    interpreter.resize_tensor_input(place["index"], part.shape)
interpreter.allocate_tensors()
for place, part in zip(places, parts):
    interpreter.set_tensor(place["index"], part.astype(place["dtype"]))
interpreter.invoke()
print(open("/proc/self/status").read().partition("VmRSS:")[2].split()[0])
"""


def resident(file: Path, row: NDArray[Any]) -> int | None:
    """Bytes resident of a fresh process without TensorFlow that has run a file; None where it could not be run so."""
    parts = as_inputs(row, Interpreter(file).inputs)
    with tempfile.TemporaryDirectory(prefix="lepton-") as folder:
        np.savez(Path(folder) / "row.npz", *parts.values())
        command = [sys.executable, "-c", _RUN, str(file), str(Path(folder) / "row.npz")]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        except subprocess.TimeoutExpired:
            return None
    return 1024 * int(done.stdout) if done.returncode == 0 else None
