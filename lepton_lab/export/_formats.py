"""All formats by name; each is described in a module of its own."""

from __future__ import annotations

from collections.abc import Mapping

from lepton_lab.export import _container, _keras, _onnx, _saved_model, _tflite
from lepton_lab.export._base import Format

FORMATS: Mapping[str, Format] = {
    "keras": _keras,
    "saved_model": _saved_model,
    "tflite": _tflite,
    "onnx": _onnx,
    "container": _container,
}
