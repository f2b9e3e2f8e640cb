"""ONNX: a `.onnx` file, which many programs and devices run, ONNX Runtime first.

tf2onnx writes it: a Keras model's by its graph, a quantised one's from the `.tflite` file, whose int8 numbers
become uint8 between ONNX's pairs of QuantizeLinear and DequantizeLinear.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lepton_lab.errors import ConversionError, LeptonError, MissingExtraError
from lepton_lab.export._base import QUANTISED_TOLERANCE, TOLERANCE
from lepton_lab.export._onnx_operations import missing, pad_outside, register
from lepton_lab.export._onnx_unsigned import as_unsigned
from lepton_lab.runtime import (
    IN_FLOAT32,
    ONNX_EXTRA,
    Interpreter,
    frozen,
    input_names,
    load_keras,
    one_line,
    output_names,
    unusual_dtypes,
)
from lepton_lab.types import Model, ModelFormat

MEANING = "runs in ONNX Runtime, and on what reads ONNX: browsers, .NET, Java, accelerators"
SUFFIX = ".onnx"
MODEL = ""
SOURCES: Mapping[ModelFormat, float] = {"keras": TOLERANCE, "tflite": QUANTISED_TOLERANCE, "onnx": TOLERANCE}
PACKAGES: tuple[str, ...] = ("tensorflow", "tf_keras", "tf2onnx", "onnx", "onnxruntime")

_OPSET = 17  # old enough for runtimes of 2022, new enough for quantisation per channel
_DEQUANTIZE, _QUANTIZE = 6, 114  # LiteRT's numbers of these operations
_LAST_OLD_CODE = 127


def write(model: Model, path: Path) -> None:
    """An ONNX model as it is; others converted, with inputs and outputs called as the Keras model's."""
    if model.format == "onnx":
        shutil.copyfile(model.file, path)
        return
    try:
        import onnx
        import onnxruntime  # noqa: F401  # what was written is run by it
        import tf2onnx
    except ImportError as error:
        raise MissingExtraError(error.name or "tf2onnx", "Exporting to ONNX", ONNX_EXTRA) from None
    try:
        made = _from_tflite(model, tf2onnx) if model.format == "tflite" else _from_keras(model, tf2onnx)
        onnx.checker.check_model(made, full_check=True)
    except (LeptonError, OSError):
        raise
    except Exception as error:  # tf2onnx raises ValueError, KeyError and more
        if "DequantizeLinear" in str(error) and "int64" in str(error):
            raise ConversionError(
                f"Model {model.name!r} can't be converted to ONNX: int16x8's biases have 64 bits, which ONNX can't "
                "dequantize. Export it as 'tflite', or compress the model with --scheme int8."
            ) from error
        raise ConversionError(f"Model {model.name!r} can't be converted to ONNX: {one_line(error)}.") from error
    path.write_bytes(made.SerializeToString())


def _from_keras(model: Model, tf2onnx: Any) -> Any:
    """By the graph of its answers to any number of rows."""
    import onnx

    register()
    keras_model = load_keras(model.file, model.code)
    _refuse_shared_names(model.name, input_names(keras_model), output_names(keras_model) or [])
    # tf2onnx takes constants that a layer holds (Normalization's mean) for inputs, unless they are in the graph.
    function = frozen(keras_model, inlined=True)
    try:
        made = tf2onnx.convert.from_function(function, input_signature=function.input_signature, opset=_OPSET)[0]
        pad_outside(made)
        onnx.checker.check_model(made, full_check=True)
    except Exception as error:  # as below
        if computed := unusual_dtypes(keras_model):
            raise ConversionError(
                f"Model {model.name!r} can't be converted to ONNX: its layers compute in {computed}; {IN_FLOAT32}."
            ) from error
        lacking = missing(function, keras_model)
        if not lacking:
            raise
        raise ConversionError(
            f"Model {model.name!r} can't be converted to ONNX: tf2onnx has no {' and no '.join(lacking)}. Replace the "
            "layer, or export the model as 'tflite' or 'saved_model'."
        ) from error
    return made


def _refuse_shared_names(model: str, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """An input that is passed on under its name, as a row's key is, would be one value twice in ONNX's graph."""
    if shared := [name for name in outputs if name in inputs]:
        raise ConversionError(
            f"Model {model!r} can't be converted to ONNX: its output {shared[0]!r} has the name of an input, and there "
            f"every value has a name of its own. Give the output another ({shared[0] + '_out'!r}), or export the model "
            "as 'tflite' or 'saved_model'."
        )


def _from_tflite(model: Model, tf2onnx: Any) -> Any:
    """From a file that was made plain before."""
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / model.file.name
        plain.write_bytes(_made_plain(model))
        return as_unsigned(tf2onnx.convert.from_tflite(str(plain), opset=_OPSET)[0])


def _made_plain(source: Model) -> bytes:
    """A `.tflite` file with what ai-edge-quantizer leaves out and tf2onnx needs.

    That is the operations' codes in their old place, the open number of rows of what it inserted, and names that
    tf2onnx's own ("..._dequant") don't meet.
    """
    from tensorflow.lite.tools import flatbuffer_utils

    interpreter = Interpreter(source.file)
    ends = ([port.name for port in side] for side in (interpreter.inputs, interpreter.outputs))
    _refuse_shared_names(source.name, *ends)
    names = {port.tensor: port.name for port in (*interpreter.inputs, *interpreter.outputs)}
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(source.file.read_bytes()))
    for code in model.operatorCodes:
        code.deprecatedBuiltinCode = min(code.builtinCode, _LAST_OLD_CODE)
    for graph in model.subgraphs:
        for operator in graph.operators:
            if model.operatorCodes[operator.opcodeIndex].builtinCode in (_DEQUANTIZE, _QUANTIZE):
                before, after = (graph.tensors[side[0]] for side in (operator.inputs, operator.outputs))
                if after.shapeSignature is None:
                    after.shapeSignature = before.shapeSignature
        for number, tensor in enumerate(graph.tensors):
            tensor.name = names.get(tensor.name.decode(), f"tensor_{number}").encode()
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
