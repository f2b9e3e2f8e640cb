"""The export form's own part: what the chosen model weighs, and what each format is good for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets

from lepton_lab.commands import Choice, Verb
from lepton_lab.display import Table, size
from lepton_lab.errors import LeptonError
from lepton_lab.files import num_bytes

if TYPE_CHECKING:
    from lepton_lab.lab import Lab


class ExportAside:
    """Parameters as of `aside_for`."""

    def __init__(self, lab: Lab, verb: Verb) -> None:
        self._lab = lab
        self.widget: Any = ipywidgets.HTML()
        formats = verb.parameter("format").type
        assert isinstance(formats, Choice)
        self._formats = [(word, formats.meanings.get(word, "")) for word in formats.words]

    def follow(self, arguments: Mapping[str, object]) -> None:
        """Show the model's size and the formats."""
        table = Table(self._model(str(arguments.get("model", ""))), (), self._formats)
        self.widget.value = table.html() if arguments.get("model") else ""

    def _model(self, name: str) -> str:
        try:
            model = self._lab.model.show(name)
            weight = num_bytes(model.file)
        except (LeptonError, OSError):  # dropped just now
            return "Formats"
        return f"{name}: {model.stage}, {model.num_parameters:,} parameters, {size(weight)} as {model.format}"

    def after(self, result: object) -> str:
        """Nothing more: a bundle shows its agreement, its manifest and its link itself."""
        return ""


ASIDE = ExportAside
