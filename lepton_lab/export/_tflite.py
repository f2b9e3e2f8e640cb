"""LiteRT's format: a `.tflite` file, which runs without TensorFlow on servers, phones and small boards."""

from __future__ import annotations

import shutil
from pathlib import Path

from lepton_lab.export._base import Ends
from lepton_lab.runtime import Interpreter, load_keras, to_tflite
from lepton_lab.types import Model

SUFFIX = ".tflite"
PACKAGES = ("tensorflow", "tf_keras", "ai-edge-litert")


def check(model: Model) -> None:
    """Every model can be tried; the converter says what stops it."""


def write(model: Model, path: Path) -> None:
    """A quantised model's file as it is; a Keras model converted, in float32."""
    if model.format == "tflite":
        shutil.copyfile(model.file, path)
    else:
        path.write_bytes(to_tflite(load_keras(model.file, model.code)))


def ends(path: Path, code: Path | None = None) -> Ends:
    """The file's inputs and outputs, by the Keras model's names and by the file's own."""
    interpreter = Interpreter(path)
    return Ends(interpreter.inputs, interpreter.outputs)
