"""Bringing in a model's file of any kind, so that nothing of it is run before it was looked at.

What holds a Keras model by config and weights becomes one that can be trained: a `.keras` file, and a SavedModel that
`lepton_lab.export` wrote. Anything else stays what it is: it answers, and is evaluated and exported, but not trained.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lepton_lab.errors import InputError
from lepton_lab.events import Report, ignore
from lepton_lab.runtime import (
    SAVED_MODEL_GRAPH,
    foreign_part,
    import_keras3,
    one_line,
    open_model,
    read_config,
    read_onnx,
    read_saved_keras,
    with_names,
    write_saved_model,
)
from lepton_lab.train._models import Shape, _write, adopt_file

if TYPE_CHECKING:
    from lepton_lab.types import ModelFormat


def adopt_path(
    folder: Path,
    path: Path,
    allow_code: bool = False,
    what: str = "",
    report: Report = ignore,
    rows: Mapping[str, tuple[int, ...]] | None = None,
) -> Shape:
    """Write the model that lies at `path` into `folder`, in the format that the result names.

    Parameters
    ----------
    path
        A `.keras`, `.tflite` or `.onnx` file, or the folder of a SavedModel.
    allow_code
        Whether code in a `.keras` file, such as a Lambda's, is run. Such a model is kept as a SavedModel: the code's
        operations stay, the code doesn't, so it can't be trained, and needs no trust any more.
    what
        What to call a `.keras` file where something is wrong with it; "" takes its path.
    rows
        As for `adopt_file`.

    Raises
    ------
    InputError
        If it can't be read, would do more than compute, or has several inputs or outputs.
    MissingExtraError
        For a `.onnx` file, if onnx or onnxruntime is not installed.
    """
    if path.suffix == ".keras":
        if allow_code and foreign_part(read_config(path)[0], operations=True):
            write_saved_model(_run_code_in(path), folder / "model.saved_model")
            return _tried(folder / "model.saved_model", "saved_model")
        return adopt_file(folder, path, what, report, rows)
    if path.suffix == ".tflite":
        shape = _tried(path, "tflite")
        shutil.copyfile(path, folder / "model.tflite")
        return shape
    if path.suffix == ".onnx":
        shape = _tried(path, "onnx")
        (folder / "model.onnx").write_bytes(read_onnx(path).SerializeToString())  # with weights of other files inside
        return shape
    saved = read_saved_keras(path)
    if saved is not None and not foreign_part(saved[0], operations=True):
        return _write(_made_again(path, *saved), folder)
    shape = _tried(path, "saved_model")
    target = folder / "model.saved_model"  # gets all that is run, and nothing else that lies in the folder
    shutil.copytree(path / "variables", target / "variables")
    shutil.copyfile(path / SAVED_MODEL_GRAPH, target / SAVED_MODEL_GRAPH)
    return shape


def _run_code_in(path: Path) -> Any:
    """The model of a `.keras` file, whatever it runs."""
    library = _library(read_config(path)[1])
    try:
        model = with_names(library.models.load_model(path, compile=False, safe_mode=False))
        if len(model.inputs) == len(model.outputs) == 1:
            return model
    except Exception as error:  # Keras, or the code
        raise InputError(f"{path} can't be loaded with its code: {type(error).__name__}: {one_line(error)}") from None
    raise InputError(
        f"{path} has {len(model.inputs)} inputs, {len(model.outputs)} outputs: --allow-code takes one each."
    )


def _made_again(path: Path, config: dict[str, Any], weights: list[Any], version: str) -> Any:
    """The Keras model that was exported as a SavedModel."""
    library = _library(version)
    try:
        model = library.saving.deserialize_keras_object(config, safe_mode=True)
        model.set_weights(weights)
    except Exception as error:  # a config or weights that somebody changed
        raise InputError(f"{path} can't be made a Keras model again: {one_line(error)}; export it again.") from None
    return with_names(model)


def _library(version: str) -> Any:
    """The Keras of a version."""
    import tf_keras

    return import_keras3() if version.startswith("3") else tf_keras


def _tried(path: Path, format: ModelFormat) -> Shape:
    """What is to be known of a model that stays what it is, once it has answered a row of zeros."""
    model = open_model(path)
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise InputError(
            f"{path} can't be used: it has {len(model.inputs)} inputs and {len(model.outputs)} outputs, and all but "
            ".keras files are taken with one input and one output; use the Keras model that it was made from."
        )
    shape = model.inputs[0].shape[1:]
    if any(size < 1 for size in shape):
        raise InputError(f"The input shape of {path} is {shape}: every size but the batch's must be known.")
    answers = model.run(np.zeros((1, *shape), np.float32))
    if len(answers) != 1:
        raise InputError(f"{path} answers {len(answers)} rows to one: its first dimension must be the rows.")
    return Shape(shape, answers.shape[1:], model.num_parameters, format)
