"""What is written beside an exported file, for whoever has to run it without this notebook."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from lepton_lab.export._base import Format
from lepton_lab.files import checksum
from lepton_lab.types import Dataset, Model

_QUANTISATION = {
    "dynamic": "int8 weights, float32 activations made int8 while running",
    "float16": "float16 weights, computed in float32",
    "int8": "int8 weights and activations, float32 in and out",
}


def describe(model: Model, format: str, written: Path, chosen: Format, dataset: Dataset | None) -> dict[str, Any]:
    """The manifest of a written file, without how well it agrees.

    Parameters
    ----------
    model, format
        What was written, and how.
    written
        The file, already under its final name's last part.
    chosen
        The format's module.
    dataset
        Whose rows go in.
    """
    # Whoever loads the file with Keras needs the classes that are not Keras's.
    code = model.code.read_text() if model.code and format == "keras" else None
    stored = f" They are stored as {dataset.input_dtype}." if dataset else ""
    return {
        "model": model.name,
        "kind": model.kind,
        "stage": model.stage,
        "parent": model.parent,
        "made_by": model.made_by,
        "dataset": model.dataset,
        "format": format,
        "file": written.name,
        "bytes": written.stat().st_size,
        "sha256": checksum(written),
        **chosen.ends(written, model.code).as_json(),
        "scaling": f"Raw rows go in, as float32: the model scales them itself.{stored}",
        "quantisation": _QUANTISATION.get(model.stage) if model.format == "tflite" else None,
        "classes": list(model.classes),
        "num_parameters": model.num_parameters,
        "code": code,
        "metrics": dict(model.metrics),
        "versions": versions(chosen.PACKAGES),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def versions(packages: tuple[str, ...]) -> dict[str, str | None]:
    """Installed versions of `packages` and of Lepton Lab; None for one that is not installed as a package."""
    found: dict[str, str | None] = {}
    for name in (*packages, "lepton_lab"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found
