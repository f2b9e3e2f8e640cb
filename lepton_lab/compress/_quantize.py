"""From a Keras model to a `.tflite` file with fewer bits, tried out before it counts."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.compress import _quantizer
from lepton_lab.compress._base import WEIGHTED, Rule, Scheme, exactly
from lepton_lab.compress._measure import measure_bytes, measure_file
from lepton_lab.compress._preflight import check_format
from lepton_lab.errors import ConversionError, InputError, UnknownNameError
from lepton_lab.events import Progress, Report, ignore
from lepton_lab.files import replacing_file
from lepton_lab.runtime import Interpreter, Operation, check_fits, check_one_each, load_keras, open_rows, to_tflite
from lepton_lab.types import CompressedModel, Dataset, Model

SCHEMES = ("dynamic", "float16", "int8")
_REPORTED = "test"


def quantize(
    model: Model,
    folder: Path,
    name: str,
    scheme: str,
    dataset: Dataset,
    split: str = "train",
    calibration_rows: int = 256,
    seed: int = 0,
    report: Report = ignore,
) -> CompressedModel:
    """Write `model` with fewer bits a number to `folder/model.tflite`, and say what that cost.

    Parameters
    ----------
    model
        A Keras model.
    folder, name
        The new model's own folder and its name.
    scheme
        `dynamic`: int8 weights; `float16`: float16 weights; `int8`: int8 weights and activations.
    dataset
        Gives the calibration rows, and the test split that before and after are measured on.
    split, calibration_rows, seed
        Which and how many rows show how far activations range, for `int8`; chosen at random by `seed`.
    report
        Told how far the work is.

    Returns
    -------
    The new model, both measures, and what was done to each layer.

    Raises
    ------
    UnknownNameError
        If there is no such scheme or split.
    InputError
        If the calibration rows would be those that accuracy is reported on, or none; or model and data don't fit.
    ConversionError
        If the model is quantised already, or can't be converted, or LiteRT can't run the outcome.
    """
    if scheme not in SCHEMES:
        raise UnknownNameError("scheme", scheme, SCHEMES)
    check_format(model, "quantize")
    check_one_each(model, dataset, "compress")
    check_fits(model, dataset)
    chosen: Scheme = importlib.import_module(f"lepton_lab.compress._{scheme}")
    rows = _calibration_rows(dataset, split, calibration_rows, seed) if chosen.NEEDS_ROWS else None

    def tell(message: str, fraction: float) -> None:
        report(Progress(f"compress {model.name} quantize", message, fraction))

    tell("converting to .tflite", 0.0)
    keras_model = load_keras(model.file, model.code)
    float_file = to_tflite(keras_model)
    tell("measuring the model as it is", 0.4)
    before, _ = measure_bytes(float_file, dataset, _REPORTED)
    tell(f"quantising, scheme {scheme}", 0.6)
    operations = Interpreter(float_file).operations
    content = _quantizer.apply(float_file, [*chosen.rules(operations), *_spare_raw_columns(operations, dataset)], rows)
    with replacing_file(folder / "model.tflite") as aside:
        aside.write_bytes(content)
        tell("running what was written", 0.8)
        _try_out(aside, model, dataset)
        after, metrics = measure_file(aside, dataset, _REPORTED)
        layers = describe(keras_model, Interpreter(aside).operations)
    tell("done", 1.0)
    new = Model(
        name,
        folder,
        model.kind,
        scheme,
        "tflite",
        model.input_shape,
        model.output_shape,
        model.num_parameters,
        parent=model.name,
        dataset=dataset.name,
        classes=model.classes,
        metrics={f"{_REPORTED}_{metric}": value for metric, value in metrics.items()},
    )
    return CompressedModel(new, before, after, tuple(layers))


def _spare_raw_columns(operations: Sequence[Operation], dataset: Dataset) -> list[Rule]:
    """Leave the first layer as it is where columns that need a scale of their own reach it unscaled.

    A column of fractions beside one of thousands would be zero throughout in int8. (Where a layer before it scales the
    columns, the converter may have folded that into the first weights.)
    """
    first = operations[0]
    if len(dataset.scaling.mean) == 1 or first.kind not in WEIGHTED:
        return []
    return [Rule("float32", exactly(first.output))]


def _calibration_rows(dataset: Dataset, split: str, count: int, seed: int) -> NDArray[np.float32]:
    if split == _REPORTED:
        raise InputError(f"Accuracy is reported on the {split} split, so it can't calibrate too: use split='train'.")
    if count < 1:
        raise InputError(f"calibration_rows={count}: int8 needs rows to calibrate with, such as 256.")
    x, _ = open_rows(dataset, split)
    picked = np.random.default_rng(seed).permutation(len(x))[:count]
    return np.asarray(x[np.sort(picked)], np.float32)


def _try_out(file: Path, model: Model, dataset: Dataset) -> None:
    split = next(iter(dataset.splits))
    answers = Interpreter(file).run(open_rows(dataset, split)[0][:8])
    if answers.shape[1:] != tuple(model.output_shape) or not np.isfinite(answers).all():
        numbers = "finite numbers" if np.isfinite(answers).all() else "infinities or NaN"
        raise ConversionError(
            f"The quantised file answers with {numbers} of shape {answers.shape[1:]}, not with finite numbers of shape "
            f"{tuple(model.output_shape)}; try another scheme."
        )


def describe(keras_model: Any, operations: Sequence[Operation]) -> list[tuple[str, str]]:
    """What became of each layer's weights and activations, read from the file's operations."""
    computed = {operation.output for operation in operations}
    lines = []
    for layer in keras_model.layers:
        weights, activations = set(), set()
        for operation in operations:
            constants = [
                dtype
                for name, dtype in zip(operation.inputs, operation.input_dtypes, strict=True)
                if name not in computed and dtype != "int32" and _belongs(name, layer.name)
            ]
            weights.update(constants)
            if constants and operation.kind in WEIGHTED:
                activations.add(operation.input_dtypes[0])
        lines.append((layer.name, _line(layer, weights, activations)))
    return lines


def _belongs(tensor: str, layer: str) -> bool:
    """Whether a tensor's name, such as `cnn/dense/MatMul;cnn/dense/BiasAdd`, has the layer's name in it."""
    return any(layer in part.split("/") for part in tensor.split(";"))


def _line(layer: Any, weights: set[str], activations: set[str]) -> str:
    if "int8" in weights:
        return f"weights int8, activations {'int8' if 'int8' in activations else 'float32'}"
    if "float16" in weights:
        return "weights float16, computed in float32"
    if weights:
        return "kept in float32"
    return "folded into its neighbours" if layer.weights else "no weights"
