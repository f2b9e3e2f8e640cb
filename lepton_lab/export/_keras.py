"""tf_keras's own format: a `.keras` file, which can be trained on."""

from __future__ import annotations

import shutil
from pathlib import Path

from lepton_lab.errors import ConversionError
from lepton_lab.export._base import Ends
from lepton_lab.runtime import Port, load_keras
from lepton_lab.types import Model

SUFFIX = ".keras"
PACKAGES = ("tensorflow", "tf_keras")


def check(model: Model) -> None:
    """A quantised model has no Keras layers any more."""
    if model.format != "keras":
        raise ConversionError(
            f"Model {model.name!r} is quantised ({model.stage}) and can't be a Keras model again: export it as 'tflite'"
            + (f", or export {model.parent!r} as 'keras'." if model.parent else ".")
        )


def write(model: Model, path: Path) -> None:
    """The lab's file as it is."""
    shutil.copyfile(model.file, path)


def ends(path: Path, code: Path | None = None) -> Ends:
    """The model's inputs and outputs; Keras and the file call them the same."""
    model = load_keras(path, code)

    def ports(names: list[str], tensors: list[object]) -> tuple[Port, ...]:
        return tuple(
            Port(name, name, tuple(-1 if size is None else int(size) for size in tensor.shape), str(tensor.dtype.name))  # type: ignore[attr-defined]  # tf_keras is untyped
            for name, tensor in zip(names, tensors, strict=True)
        )

    return Ends(ports(model.input_names, model.inputs), ports(model.output_names, model.outputs))
