"""Forms for every verb, made from its description, and the bar that shows how far a verb's work is.

ipywidgets is loaded when the first form is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lepton_lab.errors import InputError
from lepton_lab.widgets._bar import REFRESH, Bar, run_buttons

if TYPE_CHECKING:
    from lepton_lab.lab import Lab
    from lepton_lab.widgets._chooser import Chooser
    from lepton_lab.widgets._form import Form

__all__ = ["REFRESH", "Bar", "Chooser", "Form", "open", "run_buttons"]

_HOMES = {"Chooser": "_chooser", "Form": "_form"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(f"lepton_lab.widgets.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def open(
    lab: Lab,
    verb: str | Sequence[str] = (),
    *,
    namespace: Mapping[str, object] | None = None,
) -> Form | Chooser:
    """A form for a verb; for a noun, or without either, a chooser of verbs with the form of the chosen one.

    Parameters
    ----------
    lab
        What the form works on.
    verb
        The words of a verb or noun: `"export"`, `["data", "load"]`; none for all verbs.
    namespace
        The notebook's variables; by default those of the running IPython.

    Raises
    ------
    InputError
        If there is no such verb; names the nearest.
    """
    from lepton_lab.commands import VERBS, find
    from lepton_lab.widgets._chooser import Chooser
    from lepton_lab.widgets._form import Form

    words = tuple(verb.split() if isinstance(verb, str) else verb)
    chosen = [each for each in VERBS if each.words[: len(words)] == words]
    if len(chosen) > 1:
        return Chooser(lab, chosen, namespace=namespace)
    found, rest = find(words)
    if rest:
        name = " ".join(found.words)
        raise InputError(f"{name} is a verb, and {' '.join(rest)!r} came after it: %lepton ui {name} opens its form.")
    return Form(lab, found, namespace=namespace)
