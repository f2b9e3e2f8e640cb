"""TensorFlow's own format: a folder, which TensorFlow Serving and other languages' TensorFlow read."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from lepton_lab.export._base import TOLERANCE
from lepton_lab.runtime import load_keras, read_config, write_saved_model
from lepton_lab.types import Model, ModelFormat

MEANING = "a folder for TensorFlow Serving, and TensorFlow in other languages"
SUFFIX = ""
MODEL = ""
SOURCES: Mapping[ModelFormat, float] = {"keras": TOLERANCE, "saved_model": TOLERANCE}
PACKAGES: tuple[str, ...] = ("tensorflow", "tf_keras")


def write(model: Model, path: Path) -> None:
    """A SavedModel as it is; a Keras model traced, with its config, so that it can become a Keras model again."""
    if model.format == "saved_model":
        shutil.copytree(model.file, path, dirs_exist_ok=True)
    else:
        write_saved_model(load_keras(model.file, model.code), path, read_config(model.file)[0])
