"""One field of a form: a parameter's control with its label, and what it means or what is wrong with what was typed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets

from lepton_lab.commands import REQUIRED, Body, Choice, Name, Parameter
from lepton_lab.errors import InputError, LeptonError
from lepton_lab.widgets._controls import CHOOSE, LEFT_OUT, first_of, make_control, make_slider, options_of, suggestions
from lepton_lab.widgets._looks import note

if TYPE_CHECKING:
    from lepton_lab.lab import Lab

NEEDED = "needed"


class Field:
    """A parameter's line in a form.

    Parameters
    ----------
    parameter
        What it asks for.
    lab
        Whose names it offers.
    variables
        Gives the notebook's variables.
    changed
        Called when the user changed it.
    """

    def __init__(
        self,
        parameter: Parameter,
        lab: Lab,
        variables: Callable[[], Mapping[str, object]],
        changed: Callable[[Any], None],
    ) -> None:
        self.parameter = parameter
        self._lab, self._variables = lab, variables
        self._gone = ""
        """What was chosen, and is no longer there."""
        self._is_following = False
        self._id = f"lepton-note-{uuid.uuid4().hex}"
        self.control = make_control(parameter)
        self.slider = make_slider(parameter)
        self._note = ipywidgets.HTML(layout={"flex": "1 1 260px"})
        self.row = ipywidgets.HBox(
            [self.control, *([self.slider] if self.slider is not None else []), self._note],
            layout={"flex_flow": "row wrap"},
        )
        self.row.add_class("lepton-field")
        self._applies = self._is_found = True
        self.offer(self.look_up())
        self._choose_latest()
        self.control.observe(changed, "value")
        if self.slider is not None:
            self.slider.observe(lambda change: self._slide(change["new"]), "value")

    @property
    def label(self) -> str:
        """What it is called on the page."""
        return self.parameter.name.replace("_", " ")

    def look_up(self) -> tuple[str, ...]:
        """The lab's names as they are now; asking the lab may make it publish events."""
        kind = self.parameter.type
        return tuple(self._lab.names(kind.kind)) if isinstance(kind, Name) else ()

    def offer(self, names: Sequence[str]) -> None:
        """Offer these names of the lab. What was chosen and is no longer there leaves nothing chosen in its place."""
        kind = self.parameter.type
        if not isinstance(kind, Name):
            return
        offered = [*dict.fromkeys([*names, *kind.choices])]
        chosen = self.control.value or self._gone
        self._gone = chosen if chosen and chosen not in offered else ""
        nothing = LEFT_OUT if not self.parameter.is_required else "" if offered and not self._gone else CHOOSE
        options = options_of(offered, nothing)
        if options != self.control.options:
            self.control.options = options
            self.control.value = chosen if chosen in offered else first_of(options)

    def _choose_latest(self) -> None:
        """Begin with what was made or used last, where something has to be chosen."""
        kind = self.parameter.type
        if isinstance(kind, Name) and self.parameter.is_required:
            name = self._lab.latest(kind.kind)
            if name in [value for _, value in self.control.options]:
                self.control.value = name

    @property
    def shown(self) -> bool:
        """Whether the parameter applies to what is chosen elsewhere in the form."""
        return self._applies

    @shown.setter
    def shown(self, value: bool) -> None:
        self._applies = value
        self._show()

    def find(self, text: str) -> None:
        """Show it only if its name or meaning has this text in it."""
        words = f"{self.label} {self.parameter.option} {self.parameter.help}"
        self._is_found = text.strip().lower() in words.lower()
        self._show()

    def _show(self) -> None:
        self.row.layout.display = None if self._applies and self._is_found else "none"

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
        return parameter.type.read(text, self.label, {})

    @property
    def is_changed(self) -> bool:
        """Whether something else than the default stands in it."""
        try:
            return self.argument() != self.parameter.default
        except LeptonError:
            return True

    def check(self) -> str:
        """What is wrong with the field, shown beside it in place of what it means; empty if nothing is."""
        message = ""
        try:
            value = self.argument()
            if value is REQUIRED and self.shown:
                message = self._lack()
            self._follow(value)
        except InputError as error:
            message = str(error) if self.shown else ""
        required = self.parameter.is_required
        more = self._meaning() if message in ("", NEEDED) else ""
        self._note.value = note(self._id, message, more, is_required=required)
        if isinstance(self.control, ipywidgets.Combobox):
            self.control.options = suggestions(self.parameter.type, str(self.control.value), self._variables())
        return message

    def _lack(self) -> str:
        kind = self.parameter.type
        if isinstance(kind, Name) and self._gone:
            return f"{self._gone!r} is no longer there: choose another {kind.kind}"
        if isinstance(kind, Name) and len(self.control.options) == 1:
            return f"needed, and the lab has no {kind.kind} yet"
        return NEEDED

    def _meaning(self) -> str:
        """What stands beside the control: nothing that its label, its choices or its default say already."""
        parameter, kind = self.parameter, self.parameter.type
        if self._gone and not self.control.value:
            return f"{self._gone!r} is no longer there"
        if parameter.help == f"the {parameter.name}":
            return ""
        word = str(self.control.value)
        if isinstance(kind, Choice) and word in kind.meanings:
            return f"{parameter.help}; {word}: {kind.meanings[word]}"
        is_plain = not parameter.unit or parameter.unit in parameter.help or parameter.unit in parameter.name
        return parameter.help if is_plain else f"{parameter.help} ({parameter.unit})"

    def _slide(self, value: float) -> None:
        """The slider was moved: write its number into the control, unless the page only put it on its nearest step."""
        if self._is_following:
            return
        try:
            now = self.argument()
        except InputError:
            now = None
        step = self.slider.step
        if not isinstance(now, int | float) or abs(now - value) > 0.505 * step:
            self.control.value = f"{value:.4g}"

    def _follow(self, value: object) -> None:
        """Move the slider to the number in the control, as far as it reaches."""
        if self.slider is None or not isinstance(value, int | float):
            return
        self._is_following = True
        try:
            self.slider.value = min(max(value, self.slider.min), self.slider.max)
        finally:
            self._is_following = False
