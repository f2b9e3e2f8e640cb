"""tf_keras's own format: a `.keras` file, which can be trained on."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from lepton_lab.export._base import TOLERANCE
from lepton_lab.types import Model, ModelFormat

MEANING = "can be trained on, and runs wherever Keras does"
SUFFIX = ".keras"
MODEL = ""
SOURCES: Mapping[ModelFormat, float] = {"keras": TOLERANCE}
PACKAGES: tuple[str, ...] = ("tensorflow", "tf_keras")


def write(model: Model, path: Path) -> None:
    """The lab's file as it is."""
    shutil.copyfile(model.file, path)
