"""What can stand next on a `%lepton` line: verbs, options, choices, and the lab's own names.

Names are looked at only: nothing is started and no file made.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from lepton_lab.commands import File, Flag, Name, Parameter, Part, Source, Text, Variable, Verb, find
from lepton_lab.errors import LeptonError

Names = Callable[[str], Sequence[str]]
"""Gives the lab's names of a kind."""


def complete(text: str, names: Names, namespace: Mapping[str, object], verbs: Sequence[Verb]) -> tuple[str, list[str]]:
    """What can stand at the end of a line.

    Parameters
    ----------
    text
        The line up to the cursor, without the magic's name.
    names, namespace, verbs
        The lab's names by kind, the notebook's variables, and the verbs there are.

    Returns
    -------
    tuple
        The fragment before the cursor that is to be replaced, and the words to offer.
    """
    fragment = re.split(r"\s", text)[-1]
    before = _words(text[: len(text) - len(fragment)])
    if before[:1] == ["help"]:
        return fragment, _starting(_verb_words(before[1:], verbs), fragment)
    try:
        verb, tokens = find(before, verbs)
    except LeptonError:
        offered = [*_verb_words(before, verbs), *(["help"] if not before else [])]
        return fragment, _starting(offered, fragment)
    option, has_value, value = fragment.partition("=")
    parameters = {p.option: p for p in verb.parameters}
    if has_value and option in parameters:
        return value, _values(parameters[option], value, names, namespace)
    last = parameters.get(tokens[-1]) if tokens else None
    if last is not None and not isinstance(last.type, Flag):
        return fragment, _values(last, fragment, names, namespace)
    given, free = _given(verb, tokens)
    options = [p.option for p in verb.options if p.name not in given and verb.applies(p, given)]
    if fragment.startswith("-"):
        return fragment, _starting([*options, "--help"], fragment)
    if not free:
        return fragment, _starting(options, fragment)
    words = _values(free[0], fragment, names, namespace)
    return fragment, words + ([] if fragment or free[0].is_required else options)


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quote is still open
        return text.split()


def _starting(words: Iterable[str], fragment: str) -> list[str]:
    return [word for word in dict.fromkeys(words) if word.startswith(fragment)]


def _verb_words(before: Sequence[str], verbs: Sequence[Verb]) -> list[str]:
    """The words that lead on to a verb."""
    depth = len(before)
    return [verb.words[depth] for verb in verbs if len(verb.words) > depth and verb.words[:depth] == tuple(before)]


def _given(verb: Verb, tokens: Sequence[str]) -> tuple[dict[str, object], list[Parameter]]:
    """What stands on the line already, as text by name, and the positional parameters that don't yet."""
    options = {p.option: p for p in verb.parameters}
    given: dict[str, object] = {}
    loose = []
    rest = list(tokens)
    while rest:
        option, has_value, value = rest.pop(0).partition("=")
        parameter = options.get(option)
        if parameter is None:
            loose.append(option)
        elif has_value or isinstance(parameter.type, Flag):
            given[parameter.name] = value
        else:
            given[parameter.name] = rest.pop(0) if rest else ""
    free = [p for p in verb.positionals if p.name not in given]
    given.update({p.name: word for p, word in zip(free, loose, strict=False)})
    return given, free[len(loose) :]


def _values(parameter: Parameter, fragment: str, names: Names, namespace: Mapping[str, object]) -> list[str]:
    """Values to offer for a parameter."""
    kind = parameter.type
    words = [*names(kind.kind), *kind.choices] if isinstance(kind, Name) else list(kind.choices)
    if isinstance(kind, Name) and kind.versions and "@" in fragment:
        words += names(kind.versions)
    if isinstance(kind, Variable) or (isinstance(kind, Source | Part) and fragment):
        words += sorted(name for name in namespace if not name.startswith("_"))
    if isinstance(kind, Source | File):
        words += _paths(fragment)
    if isinstance(kind, Part | Text) and kind.several:
        before, comma, _ = fragment.rpartition(",")
        words = [f"{before}{comma}{word}" for word in words if word not in before.split(",")]
    return _starting(words, fragment)


def _paths(fragment: str) -> list[str]:
    """Files and folders that a fragment leads to; hidden ones only where it asks for them."""
    folder, _, start = fragment.rpartition("/")
    place = Path(f"{folder}/" if "/" in fragment else ".").expanduser()
    try:
        found = sorted(path for path in place.iterdir() if path.name.startswith(start))
    except OSError:  # no such folder, or one that may not be read
        return []
    written = f"{folder}/" if "/" in fragment else ""
    return [
        f"{written}{path.name}{'/' if path.is_dir() else ''}"
        for path in found
        if start.startswith(".") or not path.name.startswith(".")
    ]
