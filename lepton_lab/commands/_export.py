"""`%lepton export`."""

from lepton_lab.commands._shared import MODEL
from lepton_lab.commands._spec import Parameter, Verb
from lepton_lab.commands._types import Choice, File, Integer
from lepton_lab.export import FORMATS
from lepton_lab.types import Bundle

_FORMAT = Choice(tuple(FORMATS), {name: format.MEANING for name, format in FORMATS.items()})

VERBS = (
    Verb(
        ("export",),
        "Write a model so that it works without the lab, and check that its answers agree.",
        (
            MODEL,
            Parameter("format", _FORMAT, "of what is written", positional=True),
            Parameter("to", File(), "the file or folder; in the workspace's exports if left out", None),
            Parameter("rows", Integer(1), "how many rows to compare the answers on", 256, unit="rows"),
        ),
        Bundle,
    ),
)
