"""Every verb of the lab, described once; what reads lines, writes them, and explains them.

The `%lepton` magic, its help and completion, and the forms are derived from `VERBS`.
"""

from lepton_lab.commands._help import help_table, help_text, parameter_help
from lepton_lab.commands._lines import find, parse, read, render, run, split, without_comment
from lepton_lab.commands._spec import REQUIRED, Parameter, Verb, When
from lepton_lab.commands._table import VERBS
from lepton_lab.commands._types import (
    Body,
    Bounds,
    Choice,
    File,
    Flag,
    Integer,
    Memory,
    Name,
    Number,
    Part,
    Shape,
    Source,
    Text,
    ValueType,
    Variable,
)

__all__ = [
    "REQUIRED",
    "VERBS",
    "Parameter",
    "Verb",
    "When",
    "Body",
    "Bounds",
    "Choice",
    "File",
    "Flag",
    "Integer",
    "Memory",
    "Name",
    "Number",
    "Part",
    "Shape",
    "Source",
    "Text",
    "ValueType",
    "Variable",
    "find",
    "parse",
    "read",
    "render",
    "run",
    "split",
    "without_comment",
    "help_table",
    "help_text",
    "parameter_help",
]
