"""The ipywidget that suits a parameter's type.

A control's label is its own description, so that the page ties the two together for screen readers and a click on the
label goes to the control.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets

from lepton_lab.commands import (
    REQUIRED,
    Body,
    Choice,
    Flag,
    Integer,
    Name,
    Number,
    Parameter,
    Part,
    Source,
    Text,
    ValueType,
    Variable,
    parameter_help,
)

LEFT_OUT, CHOOSE = "(left out)", "(choose one)"
"""How a list shows that nothing is chosen, and need not or has to be."""
LABEL_WIDTH = "130px"
_STEPS = 100
"""Of a slider, about; each is a power of ten, so that defaults lie on one."""
_COMMA = re.compile(r",\s*(?![^()\[\]]*[)\]])")


def make_control(parameter: Parameter) -> Any:
    """A control with the parameter's default in it; its `value` is a text, or a bool for a flag."""
    kind, default = parameter.type, parameter.default
    text = "" if default is None or default is REQUIRED else kind.write(default)
    own: dict[str, Any] = {
        "description": parameter.name.replace("_", " "),
        "tooltip": parameter_help(parameter),
        "style": {"description_width": LABEL_WIDTH},
        "layout": {"width": "390px", "max_width": "100%", "flex": "0 0 auto"},
    }
    if isinstance(kind, Flag):
        return ipywidgets.Checkbox(value=bool(default), **own)
    if isinstance(kind, Choice):
        options = options_of(kind.choices, "" if parameter.is_required or text else LEFT_OUT)
        return ipywidgets.Dropdown(options=options, value=text or first_of(options), **own)
    if isinstance(kind, Name):
        return ipywidgets.Dropdown(options=options_of((), LEFT_OUT), value="", **own)
    if isinstance(kind, Body):
        return ipywidgets.Textarea(rows=6, **{**own, "layout": {"width": "650px", "max_width": "100%"}})
    if kind.choices or isinstance(kind, Source | Variable):
        return ipywidgets.Combobox(
            value=text, options=list(kind.choices), ensure_option=False, continuous_update=True, **own
        )
    if _has_bounds(kind):
        own["layout"] = {"width": "210px", "flex": "0 0 auto"}
    return ipywidgets.Text(value=text, continuous_update=True, **own)


def make_slider(parameter: Parameter) -> Any:
    """A slider to stand behind the control of a number with both bounds; None for all others."""
    kind = parameter.type
    if not _has_bounds(kind):
        return None
    own: dict[str, Any] = {"readout": False, "layout": {"width": "176px", "flex": "0 0 auto"}}
    start: Any = parameter.default
    if isinstance(kind, Integer):
        return ipywidgets.IntSlider(start, min=kind.minimum, max=kind.maximum, **own)
    assert isinstance(kind, Number) and kind.minimum is not None and kind.maximum is not None
    step = 10.0 ** math.floor(math.log10((kind.maximum - kind.minimum) / _STEPS * 2))
    inset = step if kind.open else 0.0
    return ipywidgets.FloatSlider(start, min=kind.minimum + inset, max=kind.maximum - inset, step=step, **own)


def _has_bounds(kind: ValueType) -> bool:
    return isinstance(kind, Integer | Number) and kind.minimum is not None and kind.maximum is not None


def options_of(words: Sequence[str], nothing: str) -> tuple[tuple[str, str], ...]:
    """As a Dropdown takes them: pairs of what is shown and its value; the first for nothing, if that is to be shown."""
    return (*([(nothing, "")] if nothing else []), *((word, word) for word in words))


def first_of(options: tuple[tuple[str, str], ...]) -> str:
    """The value of the first option."""
    return options[0][1]


def suggestions(kind: ValueType, text: str, namespace: Mapping[str, object]) -> list[str]:
    """What a Combobox offers where `text` has been typed: words, and variables that may be meant.

    Where several values can stand with commas between, the words go on from the last comma.
    """
    if isinstance(kind, Source | Variable):
        return [*kind.choices, *_variables(namespace)]
    if isinstance(kind, Part | Text) and kind.several:
        *before, _ = _COMMA.split(text)
        start = "".join(f"{word}," for word in before)
        return [start + word for word in kind.choices if word not in before]
    return list(kind.choices)


def _variables(namespace: Mapping[str, object]) -> list[str]:
    """The notebook's arrays, frames and Keras models; only their types are looked at."""
    kinds = ("shape", "get_config")
    return sorted(
        name
        for name, value in list(namespace.items())
        if not name.startswith("_") and any(hasattr(type(value), kind) for kind in kinds)
    )
