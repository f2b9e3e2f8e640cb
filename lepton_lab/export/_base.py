"""What a format can do. Each format is a module of its own with these values and functions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from lepton_lab.types import Model, ModelFormat

TOLERANCE = 1e-5
"""Greatest difference allowed between the notebook's model and the exported file, relative to the outputs' scale."""
QUANTISED_TOLERANCE = 0.1
"""The same where another program runs a quantised model, which may round where LiteRT doesn't, or the other way round.

Measured in ONNX Runtime on four small models: 0.03 with dynamic quantisation, 0.0006 with int8, 1e-6 with float16.
"""
SAME_ANSWERS = 0.995
"""Least share of rows whose answer must be the same, so that accuracy changes by half a point at most."""


class Format(Protocol):
    """The inner shape of a format's module."""

    MEANING: str
    """What the format is good for, in a few words."""
    SUFFIX: str
    """Of its files, with the dot; empty where the format is a folder."""
    MODEL: str
    """Where in the folder the model lies that is run; empty where the target itself is it."""
    SOURCES: Mapping[ModelFormat, float]
    """Which of the lab's models can be written in it, and the greatest difference allowed then."""
    PACKAGES: tuple[str, ...]
    """The packages whose versions say what wrote and what can read the file."""

    def write(self, model: Model, path: Path) -> None:
        """Write the model to `path`, which is a new file or an empty folder.

        Raises
        ------
        ConversionError
            If this model can't be written in this format.
        MissingExtraError
            If a package that writes it is not installed.
        """
        ...
