"""LiteRT's format: a `.tflite` file, which runs without TensorFlow on servers, phones and small boards."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from lepton_lab.export._base import TOLERANCE
from lepton_lab.runtime import load_keras, to_tflite
from lepton_lab.types import Model, ModelFormat

MEANING = "runs without TensorFlow, on servers, phones and small boards"
SUFFIX = ".tflite"
MODEL = ""
SOURCES: Mapping[ModelFormat, float] = {"keras": TOLERANCE, "tflite": TOLERANCE}
PACKAGES: tuple[str, ...] = ("tensorflow", "tf_keras", "ai-edge-litert")


def write(model: Model, path: Path) -> None:
    """A quantised model's file as it is; a Keras model converted, in float32."""
    if model.format == "tflite":
        shutil.copyfile(model.file, path)
    else:
        path.write_bytes(to_tflite(load_keras(model.file, model.code)))
