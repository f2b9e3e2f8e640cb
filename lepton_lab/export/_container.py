"""A container's build context: a folder with the model and a server that needs neither TensorFlow nor Lepton Lab."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from lepton_lab.export import _tflite
from lepton_lab.types import Model, ModelFormat

MEANING = "a folder to build a container of, which answers over HTTP (Open Inference Protocol)"
SUFFIX = ""
MODEL = "model.tflite"
SOURCES: Mapping[ModelFormat, float] = _tflite.SOURCES
PACKAGES: tuple[str, ...] = _tflite.PACKAGES

_PARTS = Path(__file__).with_name("container")
_RUNTIME = "ai-edge-litert"


def write(model: Model, path: Path) -> None:
    """The `.tflite` file, the server, what it needs and how it is put into an image; the manifest comes beside them."""
    _tflite.write(model, path / MODEL)
    for name in ("server.py", "inference.py"):
        shutil.copyfile(_PARTS / name, path / name)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    (path / "Dockerfile").write_text((_PARTS / "Dockerfile").read_text().replace("{python}", python))
    (path / "requirements.txt").write_text("".join(f"{line}\n" for line in _requirements()))


def _requirements() -> list[str]:
    """LiteRT and what it needs, NumPy among it, in the versions that the file was tried with."""
    needed = [line for line in metadata.requires(_RUNTIME) or () if "extra ==" not in line]
    names = sorted({_RUNTIME, *(re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in needed)})
    return [f"{name}=={metadata.version(name)}" for name in names]
