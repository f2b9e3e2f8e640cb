"""What a model costs and is worth, measured on the `.tflite` file that would be shipped."""

from __future__ import annotations

import gzip
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lepton_lab.runtime import (
    METRICS,
    Interpreter,
    check_fits,
    check_one_each,
    load_keras,
    open_rows,
    predict,
    score,
    to_tflite,
)
from lepton_lab.types import CompressedModel, Dataset, Measure, Model


def measure(model: Model, dataset: Dataset, split: str = "test") -> Measure:
    """What `model` costs and is worth; a Keras model is measured as the float32 `.tflite` file that it becomes.

    Parameters
    ----------
    model
        In either format.
    dataset, split
        The rows that accuracy (or the mean absolute error, for numbers) is reported on.

    Raises
    ------
    UnknownNameError
        If the data set has no such split.
    InputError
        If model and data set do not fit together, or the model's file can't be loaded.
    ConversionError
        If a Keras model can't be converted.
    """
    open_rows(dataset, split)
    return _measure(model, dataset, split)


def _measure(model: Model, dataset: Dataset, split: str) -> Measure:
    check_one_each(model, dataset, "compress")
    check_fits(model, dataset)
    if model.format == "tflite":
        return measure_file(model.file, dataset, split)[0]
    return measure_bytes(to_tflite(load_keras(model.file, model.code)), dataset, split)[0]


def compare(
    before: Model, after: Model, dataset: Dataset, split: str = "test", layers: Sequence[tuple[str, str]] = ()
) -> CompressedModel:
    """What making `after` of `before` cost and gained, without accuracy if the data set lacks the split.

    `layers` says what was done to each layer.
    """
    return CompressedModel(after, _measure(before, dataset, split), _measure(after, dataset, split), tuple(layers))


def measure_bytes(content: bytes, dataset: Dataset, split: str) -> tuple[Measure, dict[str, float]]:
    """`measure_file` for a file that is not on disk."""
    with tempfile.TemporaryDirectory(prefix="lepton-") as folder:
        file = Path(folder) / "model.tflite"
        file.write_bytes(content)
        return measure_file(file, dataset, split)


def measure_file(file: Path, dataset: Dataset, split: str) -> tuple[Measure, dict[str, float]]:
    """A `.tflite` file's measure, and all metrics; without accuracy and metrics if the data set lacks the split."""
    content = file.read_bytes()
    metrics: dict[str, float] = {}
    row = np.zeros((1, *dataset.input_shape), np.float32)
    if split in dataset.splits:
        rows, targets = open_rows(dataset, split)
        metrics = score(predict(file, rows), targets, dataset.target.kind)
        row = np.asarray(rows[:1], np.float32)
    found = Measure(
        metrics.get(METRICS[dataset.target.kind]),
        len(content),
        len(gzip.compress(content, 9, mtime=0)),
        Interpreter(file).latency(row),
        split,
        METRICS[dataset.target.kind],
        resident(file, row),
        dataset=dataset.name,
    )
    return found, metrics


def latencies(models: Sequence[Model], dataset: Dataset, turns: int = 5) -> list[float]:
    """Median seconds for one row of several models as `.tflite`, in turns, so that all meet the same disturbances."""
    row = np.asarray(open_rows(dataset, "train")[0][:1], np.float32)
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
row = np.load(sys.argv[2])
interpreter = Interpreter(sys.argv[1], num_threads=1)
place = interpreter.get_input_details()[0]
interpreter.resize_tensor_input(place["index"], row.shape)
interpreter.allocate_tensors()
interpreter.set_tensor(place["index"], row.astype(place["dtype"]))
interpreter.invoke()
print(open("/proc/self/status").read().partition("VmRSS:")[2].split()[0])
"""


def resident(file: Path, row: NDArray[np.float32]) -> int | None:
    """Bytes resident of a fresh process without TensorFlow that has run a file; None where it could not be run so."""
    with tempfile.TemporaryDirectory(prefix="lepton-") as folder:
        np.save(Path(folder) / "row.npy", row)
        command = [sys.executable, "-c", _RUN, str(file), str(Path(folder) / "row.npy")]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        except subprocess.TimeoutExpired:
            return None
    return 1024 * int(done.stdout) if done.returncode == 0 else None
