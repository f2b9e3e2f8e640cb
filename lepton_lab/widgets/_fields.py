"""One field of a form: a parameter's control with its label, and what it means or what is wrong with what was typed."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets

from lepton_lab.commands import REQUIRED, Body, Choice, Flag, Name, Parameter, parameter_help
from lepton_lab.errors import InputError

if TYPE_CHECKING:
    from lepton_lab.lab import Lab

_LEFT_OUT = ("(left out)", "")
"""How a list shows that nothing is chosen."""
_STYLE = {"description_width": "130px"}
_WIDE = {"width": "390px", "flex": "0 0 auto"}


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
        self._note = ipywidgets.HTML(layout={"flex": "1 1 260px"})
        self.row = ipywidgets.HBox([self.control, self._note], layout={"flex_flow": "row wrap"})
        self.offer_names()
        self.control.observe(changed, "value")

    def offer_names(self) -> None:
        """Offer the lab's names as they are now, and keep what was chosen if it still is there."""
        kind = self.parameter.type
        if not isinstance(kind, Name):
            return
        offered = [*dict.fromkeys([*self._lab.names(kind.kind), *kind.choices])]
        options = _options(offered, self.parameter.is_required)
        if options != self.control.options:
            chosen = self.control.value
            self.control.options = options
            self.control.value = chosen if chosen in offered else _first(options)

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
        """What is wrong with the field, shown beside it in place of what it means; empty if nothing is."""
        message = ""
        try:
            if self.argument() is REQUIRED and self.shown:
                message = self._lack()
        except InputError as error:
            message = str(error) if self.shown else ""
        color = "var(--jp-error-color1, #c62828)" if message else "var(--jp-ui-font-color2, inherit)"
        said = html.escape(message or _meaning(self.parameter))
        self._note.value = f"<div role='status' style='color:{color};line-height:1.35;padding:5px 0'>{said}</div>"
        return message

    def _lack(self) -> str:
        kind = self.parameter.type
        nothing_there = isinstance(kind, Name) and self.control.options == (_LEFT_OUT,)
        return f"needed, and the lab has no {kind.kind} yet" if nothing_there and isinstance(kind, Name) else "needed"


def _options(words: Sequence[str], needs_one: bool) -> tuple[object, ...]:
    """As a Dropdown takes them, with a first one for nothing unless one of the words must be chosen."""
    return tuple(words) if needs_one and words else (_LEFT_OUT, *((word, word) for word in words))


def _first(options: tuple[object, ...]) -> object:
    """The value of the first option."""
    return "" if options[0] == _LEFT_OUT else options[0]


def _meaning(parameter: Parameter) -> str:
    """What stands beside the control: nothing that its label, its choices or its default say already."""
    if parameter.help == f"the {parameter.name}":
        return ""
    is_plain = not parameter.unit or parameter.unit in parameter.help or parameter.unit in parameter.name
    return parameter.help if is_plain else f"{parameter.help} ({parameter.unit})"


def _control(parameter: Parameter) -> Any:
    """The ipywidget that suits a parameter's type.

    The label is the control's own description, so that the page ties the two together for screen readers and a click on
    the label goes to the control.
    """
    kind, default = parameter.type, parameter.default
    text = "" if default is None or default is REQUIRED else kind.write(default)
    own: dict[str, Any] = {
        "description": parameter.name.replace("_", " "),
        "tooltip": parameter_help(parameter),
        "style": _STYLE,
        "layout": _WIDE,
    }
    if isinstance(kind, Flag):
        return ipywidgets.Checkbox(value=bool(default), **own)
    if isinstance(kind, Choice):
        options = _options(kind.choices, parameter.is_required or bool(text))
        return ipywidgets.Dropdown(options=options, value=text or _first(options), **own)
    if isinstance(kind, Name):
        return ipywidgets.Dropdown(options=(_LEFT_OUT,), value="", **own)
    if isinstance(kind, Body):
        return ipywidgets.Textarea(rows=6, **{**own, "layout": {"width": "650px"}})
    if kind.choices:
        return ipywidgets.Combobox(
            value=text, options=list(kind.choices), ensure_option=False, continuous_update=True, **own
        )
    return ipywidgets.Text(value=text, continuous_update=True, **own)
