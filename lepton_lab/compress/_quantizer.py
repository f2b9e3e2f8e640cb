"""Google's post-training quantizer, under whichever of its two names it is installed.

It is used for every scheme rather than TensorFlow's converter, whose own quantisation is deprecated and has no rules
for single operations: of a regression on columns of very different ranges, the converter's int8 file explained nothing
(squared error 1.84 of a variance of 1.84), and its float16 file less than that.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.compress._base import Rule
from lepton_lab.errors import ConversionError, LeptonError, MissingExtraError
from lepton_lab.runtime import TEXT, Interpreter, Operation, as_inputs

_PACKAGES = ("litert_quantizer", "ai_edge_quantizer")
"""The name from version 0.11 on, and the one before."""
_BATCH_ELEMENTS = 1 << 16
"""Numbers in a calibration batch: every activation of a batch is in memory at once."""

_STATIC = {"int8": (8, 8), "int4": (8, 4), "int16": (16, 8)}
"""Bits of activations and of weights."""
_WHOLE = "BATCH_MATMUL"
"""Operations whose weights have one step in all: LiteRT answers 0 where each channel has a step of its own and
activations are whole numbers."""

_NEARLY_WHOLE = 2e-3
"""LiteRT takes a step for a power of two whose logarithm is 1e-3 from a whole number."""

Ranges = dict[str, dict[str, Any]]
"""What was seen of each tensor, by its name."""


def calibrate(float_file: bytes, rows: NDArray[Any]) -> Ranges:
    """How far every activation ranges over rows, whatever is made of it then.

    Parameters
    ----------
    float_file
        The float32 file's bytes.
    rows
        Raw rows, shape (n, *input_shape), or records of several inputs by their names.

    Raises
    ------
    ConversionError
        If the quantizer refuses the file.
    MissingExtraError
        If the quantizer is not installed.
    """
    with _understood():
        return _ranges(_quantizer(float_file, [Rule("int8")]), float_file, rows)


def apply(float_file: bytes, rules: Sequence[Rule], ranges: Ranges | None = None) -> bytes:
    """A `.tflite` file with fewer bits.

    Parameters
    ----------
    float_file
        The float32 file's bytes.
    rules
        What becomes of which operations.
    ranges
        Of the activations, where a rule makes them whole numbers.

    Raises
    ------
    ConversionError, MissingExtraError
        As for `calibrate`.
    """
    if ranges and any(rule.becomes == "int16" for rule in rules):
        ranges = _of_odd_steps(ranges)
    with _understood():
        result = _quantizer(float_file, rules).quantize(ranges, enable_progress_bar=False, enable_progress_report=False)
        return _without_zero_steps(bytes(result.quantized_model))


def _of_odd_steps(ranges: Ranges) -> Ranges:
    """Ranges with those a hundredth wider that end at a power of two.

    Where all steps of an int16 sum are powers of two, as those of 1 + clip(x, -1, 1), LiteRT takes an older way of its
    own (`pot_scale_int16` in its kernels `add.cc` and `sub.cc`), which refuses most sums.
    """
    wider: Ranges = {}
    for tensor, found in ranges.items():
        ends = {end: np.asarray(found[end]) for end in ("min", "max") if end in found}
        powers = np.log2(max((float(np.abs(each).max()) for each in ends.values()), default=0.0) or 1.0)
        if abs(powers - round(powers)) < _NEARLY_WHOLE:
            wider[tensor] = {**found, **{end: each * 1.01 for end, each in ends.items()}}
    return ranges | wider


def _without_zero_steps(content: bytes) -> bytes:
    """The same file with a step of 1 where the quantizer gave 0 to a channel whose weights are all zero.

    LiteRT refuses to run a file with such a step; what it is worth doesn't matter for zeros.
    """
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(content)
    steps = [tensor.quantization for graph in model.subgraphs for tensor in graph.tensors]
    empty = [step for step in steps if step is not None and step.scale is not None and 0 in step.scale]
    for step in empty:
        step.scale = [scale or 1.0 for scale in step.scale]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model)) if empty else content


@contextmanager
def _understood() -> Iterator[None]:
    """Say in a line what the quantizer raises, and hold back what it warns of and a user can do nothing with."""
    try:
        with warnings.catch_warnings(), _Quiet():
            warnings.simplefilter("ignore")  # that calibration keeps all tensors, which is what it is for
            yield
    except (LeptonError, OSError, MemoryError):
        raise
    except Exception as error:  # it raises whatever its parts and LiteRT raise
        reason = " ".join(str(error).split())[:300]
        raise ConversionError(
            f"The model can't be quantised: {reason}; try another scheme, or export it as it is."
        ) from error


def _quantizer(float_file: bytes, rules: Sequence[Rule]) -> Any:
    package = _package()
    recipe = _recipe(package, rules).get_quantization_recipe()
    return importlib.import_module(f"{package}.quantizer").Quantizer(float_file, recipe)


def knows(operation: Operation) -> bool:
    """Whether the quantizer has anything for operations of the kind; all others stay float32 whatever the rules say."""
    return operation.kind in _kinds(_package())


def _package() -> str:
    for name in _PACKAGES:
        if importlib.util.find_spec(name):
            return name
    raise MissingExtraError("litert-quantizer", "Quantising a model")


def _kinds(package: str) -> dict[str, Any]:
    """The quantizer's names of operations by those of the file's schema, some of which differ (TRANSPOSE_CONV).

    They are paired by the numbers that both have for them.
    """
    from ai_edge_litert import schema_py_generated as schema

    types = importlib.import_module(f"{package}.qtyping")
    by_code = importlib.import_module(f"{package}.utils.tfl_flatbuffer_utils").TFL_OP_CODE_TO_NAME
    operations = {name: code for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    ends = {kind: types.TFLOperationName(kind) for kind in ("*", "INPUT", "OUTPUT")}
    return ends | {name: by_code[code] for name, code in operations.items() if code in by_code}


def _recipe(package: str, rules: Sequence[Rule]) -> Any:
    """The quantizer's own form of the rules."""
    kinds = _kinds(package)
    types = importlib.import_module(f"{package}.qtyping")
    algorithm = importlib.import_module(f"{package}.algorithm_manager").AlgorithmName
    manager = importlib.import_module(f"{package}.recipe_manager").RecipeManager()
    for rule in rules:
        kind = kinds.get(rule.kind)
        if kind is None:  # it leaves such operations alone anyway
            continue
        if rule.becomes in _STATIC:
            activations, weights = _STATIC[rule.becomes]
            key = algorithm.MSE if weights == 4 else algorithm.MIN_MAX_UNIFORM_QUANT
            manager.add_static_config(rule.pattern, kind, activations, weights, algorithm_key=key)
            if rule.kind in ("*", _WHOLE) and weights == 8:
                whole = types.QuantGranularity.TENSORWISE
                manager.add_static_config(rule.pattern, kinds[_WHOLE], activations, weights, whole, algorithm_key=key)
            continue
        match rule.becomes:
            case "dynamic":
                manager.add_dynamic_config(rule.pattern, kind, num_bits=8)
            case "dynamic4":
                manager.add_dynamic_config(rule.pattern, kind, num_bits=4, algorithm_key=algorithm.MSE)
            case "float16":
                manager.add_weight_only_config(rule.pattern, kind, num_bits=16, algorithm_key=algorithm.FLOAT_CASTING)
            case "float32":
                manager.add_quantization_config(rule.pattern, kind, algorithm_key=algorithm.NO_QUANTIZE)
    return manager


def _ranges(quantizer: Any, float_file: bytes, rows: NDArray[Any]) -> Ranges:
    """The least and greatest value of every tensor over all rows.

    The quantizer by itself takes a moving average over batches, which cuts off what is rare. So each batch is looked at
    alone, and the ranges are united here.
    """
    interpreter = Interpreter(float_file)
    ports, signature = interpreter.inputs, interpreter.signature
    if any(port.dtype == TEXT for port in ports):
        raise ConversionError(
            "The model takes text, and Google's quantizer looks for the ranges of numbers only: take --scheme dynamic, "
            "float16 or int4."
        )
    numbers = sum(part.size for part in as_inputs(rows[:1], ports).values())
    step = max(1, _BATCH_ELEMENTS // max(1, numbers))
    united: Ranges = {}
    for start in range(0, len(rows), step):
        batch = as_inputs(rows[start : start + step], ports)
        seen: Mapping[str, Mapping[str, Any]] = quantizer.calibrate({signature: [batch]}, num_threads=1)
        for tensor, found in seen.items():
            known = united.setdefault(tensor, dict(found))
            if "min" in found and "max" in found:
                known["min"] = np.minimum(known["min"], found["min"])
                known["max"] = np.maximum(known["max"], found["max"])
    for found in united.values():
        # What was 0 for all rows would have a step of 4e-12, from which LiteRT ends the process at the next sum.
        if "min" in found and not np.any(found["min"]) and not np.any(found["max"]):
            found |= {"min": found["min"] - 1, "max": found["max"] + 1}
    return united


class _Quiet:
    """Hold back the quantizer's information lines on the root logger, which a user can do nothing with."""

    def __enter__(self) -> None:
        self._level = logging.root.manager.disable
        logging.disable(logging.WARNING)

    def __exit__(self, *unused: object) -> None:
        logging.disable(self._level)
