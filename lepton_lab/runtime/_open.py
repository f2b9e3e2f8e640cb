"""Open a model's file with the program that runs files of its kind."""

from __future__ import annotations

import os
from pathlib import Path

from lepton_lab.errors import InputError
from lepton_lab.runtime._base import OpenedModel
from lepton_lab.runtime._keras_model import KerasModel
from lepton_lab.runtime._litert import Interpreter
from lepton_lab.runtime._onnx import OnnxModel
from lepton_lab.runtime._saved_model import SavedModel
from lepton_lab.types import ModelFormat


def format_of(path: Path) -> ModelFormat:
    """The kind of a model's file, by its name; SavedModels are folders.

    Raises
    ------
    InputError
        If it is of no kind that can be opened.
    """
    for format in ("keras", "tflite", "onnx"):
        if path.suffix == f".{format}":
            return format
    if path.is_dir():
        return "saved_model"
    raise InputError(f"{path} can't be run: give a .keras, .tflite or .onnx file, or a SavedModel's folder.")


def open_model(
    path: Path, code: Path | None = None, threads: int | None = None, *, marks_masked: bool = False
) -> OpenedModel:
    """What answers as the model in `path` does.

    Parameters
    ----------
    path
        A `.keras`, `.tflite` or `.onnx` file, or the folder of a SavedModel. The two in the middle are run without
        TensorFlow.
    code
        As for `load_keras`; without meaning for other files.
    threads
        How many threads one operation may use; None for as many as there are cores. TensorFlow takes it only in a
        process that has computed nothing yet.
    marks_masked
        Whether a Keras model answers `MASKED` for the steps that it masks; other files don't know of masks.

    Raises
    ------
    InputError
        If the file is missing or damaged, would do more than compute, or is of no kind that can be opened.
    MissingExtraError
        For a `.onnx` file, if onnxruntime is not installed.
    """
    if not path.exists():
        raise InputError(f"The model's file {path} is missing; make the model again, or drop it.")
    match format_of(path):
        case "keras":
            return KerasModel(path, code, threads, marks_masked=marks_masked)
        case "tflite":
            return Interpreter(path, threads or len(os.sched_getaffinity(0)))
        case "onnx":
            return OnnxModel(path, threads)
        case "saved_model":
            return SavedModel(path, threads)
