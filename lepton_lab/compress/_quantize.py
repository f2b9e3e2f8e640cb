"""Post-training quantisation: a Keras model becomes a `.tflite` file with fewer bits, tried out before it counts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.compress import _dynamic, _float16, _int4, _int8, _int16x8, _mixed, _quantizer
from lepton_lab.compress._base import LOOKUPS, WEIGHTED, Judge, Judged, Plan, Rule, Scheme, Shape, exactly
from lepton_lab.compress._describe import describe
from lepton_lab.compress._measure import measure_bytes, measure_file
from lepton_lab.errors import ConversionError, InputError, LeptonError, UnknownNameError
from lepton_lab.events import Progress, Report, ignore
from lepton_lab.files import replacing_file
from lepton_lab.runtime import (
    TEXT,
    Graph,
    Interpreter,
    Operation,
    Port,
    fitted,
    judged_by,
    load_keras,
    logits_among,
    open_rows,
    score,
    to_tflite,
)
from lepton_lab.types import CompressedModel, Dataset, Model, by_name, records

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


def plan(model: Any, settings: Mapping[str, Any], dataset: Dataset | None = None) -> Plan:
    """For each layer its name, and what will become of it: read from a file that is made as it will be."""
    if not model.count_params():
        raise ConversionError(f"Model {model.name!r} has no weights, so that there is nothing to quantise.")
    float_file, chosen = to_tflite(model), SCHEMES[settings["scheme"]]
    file = Interpreter(float_file)
    ranges: _quantizer.Ranges | None = None
    if chosen.NEEDS_ROWS:  # some for each activation: which it is doesn't matter here
        ranges = _quantizer.calibrate(float_file, _blank(file.inputs))
    if settings["scheme"] == "mixed":
        judged = [layer.name for layer in model.layers if layer.weights]
        return Plan([(name, "int4, int8 or float32, by what is measured") for name in judged])
    rules = [*chosen.rules(file.operations, _unjudged, 0.0), *_spare_raw_columns(file, dataset)]
    content = _made(float_file, rules, ranges, _blank(file.inputs))
    return Plan(describe(model, Graph(content).operations, _spared(file.operations, chosen)))


def _blank(ports: Sequence[Port]) -> NDArray[Any]:
    """A row of zeros for a file's inputs."""
    parts = {
        port.name: np.zeros((1, *(max(1, size) for size in port.shape[1:])), "U1" if port.dtype == TEXT else port.dtype)
        for port in ports
    }
    return records(parts) if len(parts) > 1 else next(iter(parts.values()))


def _made(float_file: bytes, rules: Sequence[Rule], ranges: _quantizer.Ranges | None, row: NDArray[Any]) -> bytes:
    """The file with fewer bits; an operation that LiteRT doesn't take as the rules have it stays float32."""
    spared: list[Rule] = []
    while True:
        content = _quantizer.apply(float_file, [*rules, *spared], ranges)
        refused = _refused(content, row)
        if refused is None or refused in spared:
            return content
        spared.append(refused)


_REFUSAL = re.compile(r"Node number (\d+) \((\w+)\) failed to prepare")


def _refused(content: bytes, row: NDArray[Any]) -> Rule | None:
    """What would spare the first operation of a file that LiteRT refuses; None where it refuses none."""
    try:
        Interpreter(content).run(row)
    except InputError as error:
        if (found := _REFUSAL.search(str(error.__cause__ or error))) is None:
            return None
        operations = Graph(content).operations
        number, kind = int(found[1]), found[2]
        if number < len(operations) and operations[number].kind == kind:
            return Rule("float32", exactly(operations[number].output), kind)
    return None


def _spared(operations: Sequence[Operation], scheme: Scheme) -> list[Operation]:
    """Those that stay float32 because the quantizer has nothing for them, where a scheme makes activations integers."""
    return [operation for operation in operations if scheme.NEEDS_ROWS and not _quantizer.knows(operation)]


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
    rows: NDArray[Any]
    targets: NDArray[Any]
    model: Model
    dataset: Dataset

    def __call__(self, rules: Sequence[Rule]) -> Judged:
        """What the rules move, and what they lose."""
        try:
            answers = self._answers(_quantizer.apply(self.float_file, rules, self.ranges))
        except LeptonError:  # not every mixture can be made, or run
            return Judged(np.inf, np.inf)
        worth, now = self._worth(self._before), self._worth(answers)
        lost = [
            100 * (now[metric] - was) / max(was, 1e-12) if kind == "numbers" else 100 * (was - now[metric])
            for (metric, kind), was in ((one, worth[one[0]]) for one in judged_by(self.dataset).items())
        ]
        return Judged(_moved(self._before, answers), max(lost))

    @cached_property
    def _before(self) -> NDArray[Any]:
        return self._answers(self.float_file)

    def _worth(self, answers: NDArray[Any]) -> dict[str, float]:
        logits = logits_among(self.model, self.dataset, answers)
        return score(answers, self.targets, self.dataset.target.kind, logits)

    def _answers(self, content: bytes) -> NDArray[Any]:
        interpreter = Interpreter(content)
        return np.concatenate([interpreter.run(self.rows[i : i + 512]) for i in range(0, len(self.rows), 512)])


def _moved(before: NDArray[Any], after: NDArray[Any]) -> float:
    """How far answers are from those before, see `Judged.moved`: by shares, since prices are larger than chances."""
    ours, theirs = by_name(before), by_name(after)
    shares = [
        np.mean(np.square(theirs[name] - part, dtype=np.float64))
        / max(np.mean(np.square(part, dtype=np.float64)), 1e-12)
        for name, part in ours.items()
    ]
    return float(sum(shares))


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
    dataset = fitted(model, dataset)
    chosen = SCHEMES[scheme]

    def tell(message: str, fraction: float) -> None:
        report(Progress(f"compress {model.name} quantize", message, fraction))

    tell("converting to .tflite", 0.0)
    keras_model = load_keras(model.file, model.code)
    float_file = to_tflite(keras_model)
    tell("measuring the model as it is", 0.2)
    before, _ = measure_bytes(float_file, model, dataset, _REPORTED)
    file = Interpreter(float_file)
    operations = file.operations
    ranges: _quantizer.Ranges | None = None
    judge: Judge = _unjudged
    if chosen.NEEDS_ROWS:
        tell("looking how far activations range", 0.4)
        ranges, judge = _look_at_rows(float_file, model, dataset, calibration_rows, seed)
    tell(f"quantising, scheme {scheme}", 0.6)
    rules = [*chosen.rules(operations, judge, tolerance), *_spare_raw_columns(file, dataset)]
    content = _made(float_file, rules, ranges, _blank(file.inputs))
    with replacing_file(result.file) as aside:
        aside.write_bytes(content)
        tell("running what was written", 0.8)
        try_out(aside, file, dataset)
        after, metrics = measure_file(aside, model, dataset, _REPORTED)
        layers = describe(keras_model, Interpreter(aside).operations, _spared(operations, chosen))
    tell("done", 1.0)
    result = replace(result, metrics={f"{_REPORTED}_{metric}": value for metric, value in metrics.items()})
    return CompressedModel(result, before, after, tuple(layers), dataset.arrangement.notes)


def _look_at_rows(
    float_file: bytes, model: Model, dataset: Dataset, calibration_rows: int, seed: int
) -> tuple[_quantizer.Ranges, Judge]:
    """How far activations range on some training rows, and a judge of rules by others, where there are enough."""
    x, y = open_rows(dataset, "train")
    order = np.random.default_rng(seed).permutation(len(x))
    ranges = _quantizer.calibrate(float_file, np.asarray(x[np.sort(order[:calibration_rows])]))
    others = np.sort(order[calibration_rows:][:_JUDGED_ROWS] if len(x) > 2 * calibration_rows else order)
    rows, targets = np.asarray(x[others]), np.asarray(y[others])
    return ranges, _Trial(float_file, ranges, rows, targets, model, dataset)


_RELAYS = ("CONCATENATION", "PACK", "RESHAPE", "EXPAND_DIMS", "SQUEEZE", "STRIDED_SLICE", "CAST")
"""Operations that hand columns on as they are."""


def _spare_raw_columns(file: Interpreter, dataset: Dataset | None) -> list[Rule]:
    """Leave the first layers as they are where columns that need a scale of their own reach them unscaled.

    A column of fractions beside one of thousands would be zero throughout in int8. (Where a layer before it scales the
    columns, the converter may have folded that into the first weights.)
    """
    raw = {port.tensor for port in file.inputs if dataset is not None and _is_table(port, dataset)}
    found: list[Rule] = []
    for operation in file.operations:
        if not raw & {tensor.name for tensor in operation.inputs}:
            continue
        if operation.kind in _RELAYS:
            raw |= {tensor.name for tensor in operation.outputs}
        elif operation.kind not in WEIGHTED or operation.kind in LOOKUPS:
            continue
        found.append(Rule("float32", exactly(operation.output)))
    return found


def _is_table(port: Port, dataset: Dataset) -> bool:
    """Whether an input takes columns that have nothing to do with each other; of several inputs every row of numbers
    may be such."""
    if not dataset.inputs:
        return len(dataset.scaling.mean) > 1
    return len(port.shape) == 2 and port.dtype != TEXT


def try_out(file: Path, float_file: Interpreter, dataset: Dataset) -> None:
    """Raise ConversionError unless a file answers rows with finite numbers of the same shapes as the float32 file."""
    split = next(iter(dataset.splits))
    rows = open_rows(dataset, split)[0][:8]
    found, expected = by_name(Interpreter(file).run(rows)), by_name(float_file.run(rows))
    for name, answers in found.items():
        whose = f" at {name!r}" if name else ""
        if answers.shape != expected[name].shape or not np.isfinite(answers).all():
            numbers = "finite numbers" if np.isfinite(answers).all() else "infinities or NaN"
            raise ConversionError(
                f"The quantised file answers{whose} with {numbers} of shape {answers.shape[1:]}, not with finite "
                f"numbers of shape {expected[name].shape[1:]}; try another scheme."
            )
