"""What a `%lepton` line asks for, and where in a cell there is one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lepton_lab.commands import Verb
    from lepton_lab.display import Table

# Verbs are read on first use, so that loading the extension stays quick.

_LINE = re.compile(r"\s*(?:[\w.,\s]+=\s*)?%lepton(?!\S)")
_CELL = re.compile(r"%%lepton(?!\S)")


def line_at(text: str, cursor: int) -> tuple[str, int] | None:
    """The `%lepton` line in which the cursor stands.

    Parameters
    ----------
    text, cursor
        A line or a cell, and where in it the cursor stands, in code points.

    Returns
    -------
    tuple or None
        What follows the magic's name, and where in the text that begins; None if the line is no such one.
    """
    begin = text.rfind("\n", 0, cursor) + 1
    line = text[begin:].partition("\n")[0]
    found = _LINE.match(line) or (_CELL.match(line) if begin == 0 else None)
    return (line[found.end() :], begin + found.end()) if found else None


def read(line: str, cell: str | None, namespace: Mapping[str, object]) -> Table | tuple[Verb, dict[str, Any]]:
    """The help that a line asks for, or its verb and arguments.

    Parameters
    ----------
    line
        What follows the magic's name.
    cell
        The text below it; None where there is no cell.
    namespace
        The notebook's variables.

    Raises
    ------
    InputError
        If it can't be read.
    """
    from lepton_lab.commands import find, parse, split, without_comment
    from lepton_lab.magics._ui import ALL_VERBS

    # IPython reads the mark for a silent line, and leaves it there
    words = split(without_comment(line).rstrip().removesuffix(";"))
    if words[:1] == ["help"] or "--help" in words:
        return help_for(words)
    verb, tokens = find(words or ["status"], ALL_VERBS)
    return verb, parse(verb, tokens, namespace, cell)


def help_for(words: Sequence[str]) -> Table:
    """Help for the verb or noun that these words begin with.

    Raises
    ------
    InputError
        If there is none; names the nearest.
    """
    from lepton_lab.commands import find, help_table
    from lepton_lab.magics._ui import ALL_VERBS

    words = [word for word in words if word != "--help"]
    if words[:1] == ["help"]:
        return help_table(words[1:3], ALL_VERBS)
    if len(words) > 1 or any(verb.words == tuple(words) for verb in ALL_VERBS):
        return help_table(find(words, ALL_VERBS)[0].words, ALL_VERBS)
    return help_table(words, ALL_VERBS)
