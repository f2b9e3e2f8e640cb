"""The verbs that are no methods of `Lab`: they open a panel or a form."""

from typing import Any

from IPython.core.getipython import get_ipython

from lepton_lab import panels, widgets
from lepton_lab.commands import VERBS, Choice, Parameter, Text, Verb
from lepton_lab.lab import Lab

_forms: dict[str, tuple[str, list[Any]]] = {}
"""By cell: which time it was run, and the forms that it opened then."""


def _open_form(lab: Lab, verb: str | None = None, second: str | None = None) -> object:
    form = widgets.open(lab, [word for word in (verb, second) if word])
    cell, time = _running_cell()
    before, forms = _forms.get(cell, (time, []))
    if cell and before != time:  # nobody sees those any more
        while forms:
            forms.pop().close()
    if cell:
        _forms[cell] = time, [*forms, form]
    return form


def _running_cell() -> tuple[str, str]:
    """The ids of the cell that runs and of the request to run it; empty where the page tells none."""
    kernel = getattr(get_ipython(), "kernel", None)
    request = kernel.get_parent("shell") if kernel is not None else {}
    return request.get("metadata", {}).get("cellId") or "", request.get("header", {}).get("msg_id", "")


_FIRST_WORDS = tuple(dict.fromkeys(verb.words[0] for verb in VERBS))

UI_VERBS = (
    Verb(
        ("panel",),
        "A live picture.",
        (Parameter("name", Choice(panels.PANELS), "which", positional=True),),
        call=panels.open,
    ),
    Verb(
        ("ui",),
        "A form for a verb, or for all of them.",
        (
            Parameter("verb", Text(_FIRST_WORDS), "the verb's first word", None, positional=True),
            Parameter("second", Text(), "its second word, where it has one", None, positional=True),
        ),
        call=_open_form,
    ),
)
ALL_VERBS = (*VERBS, *UI_VERBS)
"""Every verb of the `%lepton` line."""
