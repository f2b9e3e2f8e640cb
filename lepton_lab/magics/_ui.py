"""The verbs that are no methods of `Lab`: they open a panel or a form."""

from lepton_lab import panels, widgets
from lepton_lab.commands import VERBS, Choice, Parameter, Text, Verb
from lepton_lab.lab import Lab


def _open_form(lab: Lab, verb: str | None = None, second: str | None = None) -> object:
    return widgets.open(lab, [word for word in (verb, second) if word])


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
