"""One field of a form: a parameter's label, its control, and what is wrong with what was typed."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets

from lepton_lab.commands import REQUIRED, Body, Choice, Flag, Name, Parameter, parameter_help
from lepton_lab.errors import InputError

if TYPE_CHECKING:
    from lepton_lab.lab import Lab

_WIDE = {"width": "300px"}


class Field:
    """A parameter's line in a form.

    Parameters
    ----------
    parameter
        What it asks for.
    lab
        Whose names it offers.
    changed
        Called when the user changed it.
    """

    def __init__(self, parameter: Parameter, lab: Lab, changed: Callable[[Any], None]) -> None:
        self.parameter = parameter
        self._lab = lab
        self.control = _control(parameter)
        self._error = ipywidgets.HTML()
        name = parameter.name.replace("_", " ")
        label = ipywidgets.Label(name if parameter.is_required else f"{name} (optional)", layout={"width": "170px"})
        self.row = ipywidgets.HBox([label, self.control, self._error])
        self.offer_names()
        self.control.observe(changed, "value")

    def offer_names(self) -> None:
        """Offer the lab's names as they are now, and keep what was chosen if it still is there."""
        kind = self.parameter.type
        if not isinstance(kind, Name):
            return
        offered = [*dict.fromkeys([*self._lab.names(kind.kind), *kind.choices])]
        options = offered if self.parameter.is_required and offered else ["", *offered]
        if tuple(options) != self.control.options:
            chosen = self.control.value
            self.control.options = options
            self.control.value = chosen if chosen in offered else options[0]

    @property
    def shown(self) -> bool:
        """Whether the parameter applies to what is chosen elsewhere in the form."""
        return bool(self.row.layout.display != "none")

    @shown.setter
    def shown(self, value: bool) -> None:
        self.row.layout.display = None if value else "none"

    def argument(self) -> object:
        """The value that stands in the field; REQUIRED or the default where it is empty.

        Raises
        ------
        InputError
            If it can't be used.
        """
        parameter, value = self.parameter, self.control.value
        if isinstance(value, bool):
            return value
        text = str(value or "") if isinstance(parameter.type, Body) else str(value or "").strip()
        if not text.strip():
            return parameter.default
        return parameter.type.read(text, parameter.name.replace("_", " "), {})

    def check(self) -> str:
        """What is wrong with the field, shown beside it; empty if nothing is."""
        message = ""
        try:
            if self.argument() is REQUIRED and self.shown:
                message = "needed"
        except InputError as error:
            message = str(error) if self.shown else ""
        self._error.value = f"<span style='color:var(--jp-error-color1, #c62828)'>{html.escape(message)}</span>"
        return message


def _control(parameter: Parameter) -> Any:
    """The ipywidget that suits a parameter's type."""
    kind, default = parameter.type, parameter.default
    text = "" if default is None or default is REQUIRED else kind.write(default)
    hint = parameter_help(parameter)
    if isinstance(kind, Flag):
        return ipywidgets.Checkbox(value=bool(default), description=hint, indent=False, layout=_WIDE)
    if isinstance(kind, Choice):
        options = list(kind.choices) if parameter.is_required or text else ["", *kind.choices]
        return ipywidgets.Dropdown(options=options, value=text or options[0], tooltip=hint, layout=_WIDE)
    if isinstance(kind, Name):
        return ipywidgets.Dropdown(options=[""], value="", tooltip=hint, layout=_WIDE)
    if isinstance(kind, Body):
        return ipywidgets.Textarea(placeholder=hint, rows=6, layout={"width": "480px"})
    if kind.choices:
        return ipywidgets.Combobox(
            value=text,
            options=list(kind.choices),
            placeholder=hint,
            ensure_option=False,
            continuous_update=True,
            layout=_WIDE,
        )
    return ipywidgets.Text(value=text, placeholder=hint, tooltip=hint, continuous_update=True, layout=_WIDE)
