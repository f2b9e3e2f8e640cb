"""The options that few people change, folded away, with a filter where they are many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets

from lepton_lab.widgets._controls import LABEL_WIDTH
from lepton_lab.widgets._fields import Field

MANY = 8
"""Options from which on a filter is worth its place."""


class MoreOptions:
    """A button that shows and hides some of a form's fields."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self.fields = tuple(fields)
        self.button = ipywidgets.ToggleButton(layout={"width": "auto", "align_self": "flex-start"})
        self.filter = ipywidgets.Text(
            description="filter",
            placeholder="part of a name or of what it means",
            style={"description_width": LABEL_WIDTH},
            layout={"width": "390px", "display": None if len(self.fields) >= MANY else "none"},
        )
        self._inside = ipywidgets.VBox([self.filter, *(field.row for field in self.fields)])
        self.widget = ipywidgets.VBox([self.button, self._inside])
        self.button.observe(lambda _: self.update(), "value")
        self.filter.observe(lambda _: self._find(), "value")
        self.update()

    def update(self) -> None:
        """Show what the button says, and count what was changed."""
        is_open = bool(self.button.value)
        changed = sum(field.shown and field.is_changed for field in self.fields)
        number = sum(field.shown for field in self.fields)
        self.button.description = f"More options ({number}{f', {changed} changed' if changed else ''})"
        self.button.icon = "caret-down" if is_open else "caret-right"
        self._inside.layout.display = None if is_open else "none"

    def _find(self) -> None:
        text: Any = self.filter.value
        for field in self.fields:
            field.find(text)
