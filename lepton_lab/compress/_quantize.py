"""Post-training quantisation: a Keras model becomes a `.tflite` file with fewer bits, tried out before it counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.compress import _dynamic, _float16, _int4, _int8, _int16x8, _mixed, _quantizer
from lepton_lab.compress._base import WEIGHTED, Judge, Judged, Rule, Scheme, Shape, exactly
from lepton_lab.compress._describe import describe
from lepton_lab.compress._measure import measure_bytes, measure_file
from lepton_lab.errors import ConversionError, InputError, LeptonError, UnknownNameError
from lepton_lab.events import Progress, Report, ignore
from lepton_lab.files import replacing_file
from lepton_lab.runtime import (
    METRICS,
    Interpreter,
    Operation,
    check_fits,
    check_one_each,
    load_keras,
    open_rows,
    score,
    to_tflite,
)
from lepton_lab.types import CompressedModel, Dataset, Model

MEANING = "takes fewer bits a number, without training"
SETTINGS: tuple[str, ...] = ("scheme", "calibration_rows", "tolerance")
HOOK = ""

SCHEMES: Mapping[str, Scheme] = {
    "dynamic": _dynamic,
    "float16": _float16,
    "int8": _int8,
    "int16x8": _int16x8,
    "int4": _int4,
    "mixed": _mixed,
}
LEARNING_RATE: float | None = None
STAGES: tuple[str, ...] = tuple(SCHEMES)
_REPORTED = "test"
_JUDGED_ROWS = 2000
"""Training rows that a scheme tries its choices on, at most; not those that it calibrates with."""


def check(settings: Mapping[str, Any]) -> None:
    """Raise InputError for settings that can't be used."""
    if settings["scheme"] not in SCHEMES:
        raise UnknownNameError("scheme", settings["scheme"], tuple(SCHEMES))
    if settings["calibration_rows"] < 1:
        raise InputError(
            f"calibration_rows={settings['calibration_rows']}: {settings['scheme']} needs rows to calibrate with, such "
            "as 256."
        )
    if settings["tolerance"] < 0:
        raise InputError(f"tolerance={settings['tolerance']}: give the points that may be lost, such as 0.5.")


def title(settings: Mapping[str, Any]) -> str:
    """The new model's stage."""
    return str(settings["scheme"])


def plan(model: Any, settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """For each layer its name, and what will become of it."""
    if not model.count_params():
        raise ConversionError(f"Model {model.name!r} has no weights, so that there is nothing to quantise.")
    if settings["scheme"] == "mixed":
        return [(layer.name, "int4, int8 or float32, by what is measured") for layer in model.layers if layer.weights]
    operations = Interpreter(to_tflite(model)).operations
    rules = SCHEMES[settings["scheme"]].rules(operations, _unjudged, 0.0)
    return describe(model, operations, lambda operation: _quantizer.bits(rules, operation))


def shape(before: Shape, settings: Mapping[str, Any]) -> Shape:
    """About what becomes of weights that are so shaped: zeros and clusters stay."""
    return replace(before, bits=SCHEMES[settings["scheme"]].BITS)


def _unjudged(rules: Sequence[Rule]) -> Judged:
    raise AssertionError("only a scheme that goes by what it measures asks")


@dataclass(frozen=True)
class _Trial:
    """Training rows to try quantised files on; a `Judge`."""

    float_file: bytes
    ranges: _quantizer.Ranges
    rows: NDArray[np.float32]
    targets: NDArray[Any]
    kind: str

    def __call__(self, rules: Sequence[Rule]) -> Judged:
        """What the rules move, and what they lose."""
        try:
            answers = self._answers(_quantizer.apply(self.float_file, rules, self.ranges))
        except LeptonError:  # not every mixture can be made, or run
            return Judged(np.inf, np.inf)
        worth, now = self._worth(self._before), self._worth(answers)
        lost = 100 * (worth - now) if self.kind != "numbers" else 100 * (now - worth) / max(worth, 1e-12)
        return Judged(float(np.mean(np.square(answers - self._before))), lost)

    @cached_property
    def _before(self) -> NDArray[np.float32]:
        return self._answers(self.float_file)

    def _worth(self, answers: NDArray[np.float32]) -> float:
        return score(answers, self.targets, self.kind)[METRICS[self.kind]]

    def _answers(self, content: bytes) -> NDArray[np.float32]:
        interpreter = Interpreter(content)
        return np.concatenate([interpreter.run(self.rows[i : i + 512]) for i in range(0, len(self.rows), 512)])


def quantize(
    model: Model,
    result: Model,
    dataset: Dataset,
    scheme: str = "int8",
    calibration_rows: int = 256,
    tolerance: float = 0.5,
    seed: int = 0,
    report: Report = ignore,
) -> CompressedModel:
    """Write `model` with fewer bits a number to the result's file, and say what that cost.

    Parameters
    ----------
    model
        A Keras model.
    result
        The new model's record but for its metrics, with the folder that its file goes to.
    dataset
        Its training rows calibrate and, for `mixed`, decide; before and after are measured on its test split.
    scheme
        One of `SCHEMES`.
    calibration_rows, seed
        How many training rows show how far activations range; chosen at random by `seed`.
    tolerance
        Of `mixed`: how many points of accuracy may be lost on training rows.
    report
        Told how far the work is.

    Returns
    -------
    The new model, both measures, and what was done to each layer.

    Raises
    ------
    UnknownNameError
        If there is no such scheme.
    InputError
        If there are no rows to calibrate with; or model and data don't fit.
    ConversionError
        If the model can't be converted, or LiteRT can't run the outcome.
    """
    check({"scheme": scheme, "calibration_rows": calibration_rows, "tolerance": tolerance})
    check_one_each(model, dataset, "compress")
    check_fits(model, dataset)
    chosen = SCHEMES[scheme]

    def tell(message: str, fraction: float) -> None:
        report(Progress(f"compress {model.name} quantize", message, fraction))

    tell("converting to .tflite", 0.0)
    keras_model = load_keras(model.file, model.code)
    float_file = to_tflite(keras_model)
    tell("measuring the model as it is", 0.2)
    before, _ = measure_bytes(float_file, dataset, _REPORTED)
    operations = Interpreter(float_file).operations
    ranges: _quantizer.Ranges | None = None
    judge: Judge = _unjudged
    if chosen.NEEDS_ROWS:
        tell("looking how far activations range", 0.4)
        ranges, judge = _look_at_rows(float_file, dataset, calibration_rows, seed)
    tell(f"quantising, scheme {scheme}", 0.6)
    rules = [*chosen.rules(operations, judge, tolerance), *_spare_raw_columns(operations, dataset)]
    content = _quantizer.apply(float_file, rules, ranges)
    with replacing_file(result.file) as aside:
        aside.write_bytes(content)
        tell("running what was written", 0.8)
        try_out(aside, model, dataset)
        after, metrics = measure_file(aside, dataset, _REPORTED)
        layers = describe(keras_model, Interpreter(aside).operations)
    tell("done", 1.0)
    result = replace(result, metrics={f"{_REPORTED}_{metric}": value for metric, value in metrics.items()})
    return CompressedModel(result, before, after, tuple(layers))


def _look_at_rows(
    float_file: bytes, dataset: Dataset, calibration_rows: int, seed: int
) -> tuple[_quantizer.Ranges, Judge]:
    """How far activations range on some training rows, and a judge of rules by others, where there are enough."""
    x, y = open_rows(dataset, "train")
    order = np.random.default_rng(seed).permutation(len(x))
    ranges = _quantizer.calibrate(float_file, np.asarray(x[np.sort(order[:calibration_rows])], np.float32))
    others = np.sort(order[calibration_rows:][:_JUDGED_ROWS] if len(x) > 2 * calibration_rows else order)
    rows, targets = np.asarray(x[others], np.float32), np.asarray(y[others])
    return ranges, _Trial(float_file, ranges, rows, targets, dataset.target.kind)


def _spare_raw_columns(operations: Sequence[Operation], dataset: Dataset) -> list[Rule]:
    """Leave the first layer as it is where columns that need a scale of their own reach it unscaled.

    A column of fractions beside one of thousands would be zero throughout in int8. (Where a layer before it scales the
    columns, the converter may have folded that into the first weights.)
    """
    first = operations[0]
    if len(dataset.scaling.mean) == 1 or first.kind not in WEIGHTED:
        return []
    return [Rule("float32", exactly(first.output))]


def try_out(file: Path, model: Model, dataset: Dataset) -> None:
    """Raise ConversionError unless a file answers rows with finite numbers of the model's shape."""
    split = next(iter(dataset.splits))
    answers = Interpreter(file).run(open_rows(dataset, split)[0][:8])
    if answers.shape[1:] != tuple(model.output_shape) or not np.isfinite(answers).all():
        numbers = "finite numbers" if np.isfinite(answers).all() else "infinities or NaN"
        raise ConversionError(
            f"The quantised file answers with {numbers} of shape {answers.shape[1:]}, not with finite numbers of shape "
            f"{tuple(model.output_shape)}; try another scheme."
        )
