"""What is written beside or into an export, for whoever has to run it without this notebook."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from lepton_lab.export._base import Format
from lepton_lab.files import checksum, num_bytes
from lepton_lab.runtime import Graph, open_model
from lepton_lab.types import Dataset, Model


def describe(model: Model, format: str, written: Path, chosen: Format, dataset: Dataset | None) -> dict[str, Any]:
    """The manifest of what was written, without its name and how well it agrees.

    Parameters
    ----------
    model, format
        What was written, and how.
    written
        The file or folder, wherever it lies as yet.
    chosen
        The format's module.
    dataset
        Whose rows go in.
    """
    # Whoever loads the file with Keras needs the classes that are not Keras's.
    code = model.code.read_text() if model.code and format == "keras" else None
    stored = f" They are stored as {dataset.input_dtype}." if dataset else ""
    opened = open_model(written / chosen.MODEL, model.code)
    dtypes = ", ".join(dict.fromkeys(port.dtype for port in opened.inputs))
    return {
        "model": model.name,
        "kind": model.kind,
        "stage": model.stage,
        "parent": model.parent,
        "made_by": model.made_by,
        "dataset": model.dataset,
        "format": format,
        "bytes": num_bytes(written),
        "sha256": checksum(written),
        "inputs": [asdict(port) for port in opened.inputs],
        "outputs": [asdict(port) for port in opened.outputs],
        "input_names": {port.name: port.tensor for port in opened.inputs},
        "output_names": {port.name: port.tensor for port in opened.outputs},
        "scaling": f"Raw rows go in, as {dtypes}: the model scales them itself.{stored}",
        "quantisation": quantisation(model, format),
        "weights": _weights(model),
        "classes": list(model.classes),
        "columns": list(model.columns),
        "target": model.target,
        "answers": model.answers.get("") or dict(model.answers) or None,
        "num_parameters": model.num_parameters,
        "code": code,
        "metrics": dict(model.metrics),
        "versions": versions(chosen.PACKAGES + (("keras",) if model.library == "keras" else ())),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def quantisation(model: Model, format: str) -> str | None:
    """What became of a quantised model's numbers, where most of its bytes are first; None of one in float32."""
    if model.format != "tflite":
        return None
    found: Counter[tuple[str, str]] = Counter()
    for operation in Graph(model.file.read_bytes()).operations:
        weights = max(
            (t for t in operation.constants if t.dtype != "int32"), key=lambda t: len(t.content), default=None
        )
        if weights is not None:
            plain = next((tensor.dtype for tensor in operation.inputs if not tensor.is_constant), "float32")
            found[weights.dtype, plain] += len(weights.content)
    if {number for kinds in found for number in kinds} <= {"float32"}:
        return None
    text = "; ".join(f"{weights} weights, {plain} activations" for (weights, plain), _ in found.most_common())
    return f"{text} in the .tflite file that it was made of" if format == "onnx" else text


def _weights(model: Model) -> str:
    """Where the weights are from, since a model that never learnt answers too."""
    if model.kind == "added" and model.stage == "new":
        return "as they were brought in"
    return "as they were drawn: the model was never trained" if model.stage == "new" else "trained"


def versions(packages: tuple[str, ...]) -> dict[str, str | None]:
    """Installed versions of `packages` and of Lepton Lab; None for one that is not installed as a package."""
    found: dict[str, str | None] = {}
    for name in (*packages, "lepton_lab"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found
