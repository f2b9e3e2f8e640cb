"""What some forms have of their own beside their fields: what the chosen values would mean, before anything is run."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from lepton_lab.commands import Verb

if TYPE_CHECKING:
    from lepton_lab.lab import Lab

_VERBS = ("export", "compress")
"""Verbs whose forms have one, each in a file of its name."""


class Aside(Protocol):
    """The inner shape of a form's own part."""

    widget: Any
    """Stands below the fields."""

    def follow(self, arguments: Mapping[str, object]) -> None:
        """Say what these values would mean; only those that can be used are given."""
        ...

    def after(self, result: object) -> str:
        """HTML to stand below a result."""
        ...


def aside_for(lab: Lab, verb: Verb) -> Aside | None:
    """A form's own part, if its verb has one."""
    name = "_".join(verb.words)
    if name not in _VERBS:
        return None
    aside: Aside = importlib.import_module(f"lepton_lab.widgets._{name}").ASIDE(lab, verb)
    return aside
