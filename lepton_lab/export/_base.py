"""What a format can do. Each format is a module of its own with these functions."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from lepton_lab.runtime import Port
from lepton_lab.types import Model

TOLERANCE = 1e-5
"""Greatest difference allowed between the notebook's model and the exported file, relative to the outputs' scale."""


@dataclass(frozen=True)
class Ends:
    """What goes into a file and comes out of it."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    def as_json(self) -> dict[str, Any]:
        """For the manifest. `input_names` leads from the Keras model's names to the file's own."""
        return {
            "inputs": [asdict(port) for port in self.inputs],
            "outputs": [asdict(port) for port in self.outputs],
            "input_names": {port.name: port.tensor for port in self.inputs},
            "output_names": {port.name: port.tensor for port in self.outputs},
        }


class Format(Protocol):
    """The inner shape of a format's module."""

    SUFFIX: str
    """Of its files, with the dot."""
    PACKAGES: tuple[str, ...]
    """The packages whose versions say what wrote and what can read the file."""

    def check(self, model: Model) -> None:
        """Raise ConversionError if this model can't be written in this format."""
        ...

    def write(self, model: Model, path: Path) -> None:
        """Write the model to `path`."""
        ...

    def ends(self, path: Path, code: Path | None = None) -> Ends:
        """What goes into the written file and comes out of it; `code` as for `load_keras`."""
        ...
