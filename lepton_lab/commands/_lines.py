"""From a `%lepton` line to a call, and back."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lepton_lab.commands._spec import Parameter, Verb
from lepton_lab.commands._table import VERBS
from lepton_lab.commands._types import Flag, Namespace, Source
from lepton_lab.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from lepton_lab.lab import Lab

_SEE = "See %lepton help."


def without_comment(line: str) -> str:
    """A line up to its comment.

    A comment begins with a `#` between blanks, as in `data load digits  # the small one`. One that stands right before
    a word begins one too, but not after an option, whose value it may be: `--color #ff0000`.
    """
    for place, mark, quote in _unescaped(line):
        if mark == "#" and not quote and not line[:place][-1:].strip():
            before = line[:place].split()[-1:]
            is_value = bool(before) and before[0].startswith("--") and "=" not in before[0]
            if not is_value or not line[place + 1 : place + 2].strip():
                return line[:place]
    return line


def _unescaped(line: str) -> Iterator[tuple[int, str, str]]:
    """Place and mark of what no backslash stands before, and the quotation mark that it is within, or nothing."""
    quote, is_escaped = "", False
    for place, mark in enumerate(line):
        if is_escaped:
            is_escaped = False
            continue
        is_escaped = mark == "\\" and quote != "'"
        if quote:
            quote = "" if mark == quote else quote
            yield place, mark, quote or mark
        else:
            quote = mark if mark in "'\"" else ""
            yield place, mark, ""


def split(line: str) -> list[str]:
    """The words of a line, by a shell's rules for quotes, without its comment.

    Outside of quotes a backslash stands for itself (`.\\data`, `--sep \\t`), but before a blank, a quotation mark or
    another backslash; a blank that doesn't break lines is one as any other.

    Raises
    ------
    InputError
        If a quote is not closed.
    """
    line = without_comment(line)
    marks = list(line)
    for place, mark, quote in _unescaped(line):
        if not quote and mark == "\\" and line[place + 1 : place + 2].strip(" \t'\"\\"):
            marks[place] = r"\\"
        elif not quote and mark == "\xa0":
            marks[place] = " "
    try:
        return shlex.split("".join(marks))
    except ValueError as error:
        message = f"The line can't be read ({error}): close the quote, or put the text with it in quotes."
        raise InputError(message) from None


def find(words: Sequence[str], verbs: Sequence[Verb] = VERBS) -> tuple[Verb, list[str]]:
    """The verb that a line begins with, and the words after it.

    Raises
    ------
    InputError
        If there is none; names the nearest.
    """
    for length in (2, 1):
        for verb in verbs:
            if len(verb.words) == length and tuple(words[:length]) == verb.words:
                return verb, list(words[length:])
    first = words[0] if words else ""
    seconds = tuple(verb.words[1] for verb in verbs if len(verb.words) > 1 and verb.words[0] == first)
    if seconds and len(words) == 1:
        raise InputError(f"%lepton {first} needs a verb: {', '.join(seconds)}.")
    if seconds:
        raise UnknownNameError("verb", f"{first} {words[1]}", tuple(f"{first} {second}" for second in seconds), _SEE)
    raise UnknownNameError("verb", first, tuple(dict.fromkeys(verb.words[0] for verb in verbs)), _SEE)


def parse(
    verb: Verb, tokens: Sequence[str], namespace: Namespace | None = None, body: str | None = None
) -> dict[str, Any]:
    """The arguments that the words after a verb stand for; only those that are given.

    Parameters
    ----------
    verb
        Whose parameters to read.
    tokens
        The words after the verb's own.
    namespace
        The notebook's variables.
    body
        The cell's text below the line.

    Raises
    ------
    InputError
        If something is unknown, missing, given twice or can't be read; names the nearest known word.
    """
    texts = _assign(verb, tokens)
    if body is not None:
        if verb.body is None:
            raise InputError(f"{verb.line} takes no text in the cell: write it with one % in a line of its own.")
        texts[verb.body.name] = body
    values: dict[str, Any] = {
        name: verb.parameter(name).type.read(text, verb.parameter(name).label, namespace or {})
        for name, text in texts.items()
    }
    takes_name = any(parameter.name == "name" for parameter in verb.parameters)
    for parameter in verb.parameters:
        kind, is_given = parameter.type, parameter.name in values
        if isinstance(kind, Source) and parameter.positional and is_given and takes_name and "name" not in values:
            name = kind.name_for(texts[parameter.name], values[parameter.name])
            values |= {"name": name} if name else {}
        if parameter.is_required and parameter.name not in values:
            raise InputError(f"{verb.line} needs {parameter.usage()}: see {verb.line} --help.")
        if parameter.name in values and not verb.applies(parameter, values):
            assert parameter.when is not None
            raise InputError(
                f"{parameter.label} does not apply to {verb.parameter(parameter.when.name).label} "
                f"{values.get(parameter.when.name, verb.parameter(parameter.when.name).default)}, only to "
                f"{' or '.join(parameter.when.values)}: leave it out."
            )
    return values


def _assign(verb: Verb, tokens: Sequence[str]) -> dict[str, str]:
    """Each word to its parameter."""
    texts: dict[str, str] = {}
    places = iter(verb.positionals)
    rest = list(tokens)
    while rest:
        token = rest.pop(0)
        if token.startswith("--"):
            option, has_value, text = token.partition("=")
            parameter = _option(verb, option)
            if isinstance(parameter.type, Flag):
                if has_value:
                    raise InputError(f"{option} takes no value, but came as {token!r}: leave out what follows the =.")
            elif not has_value:
                if not rest or rest[0].startswith("--"):
                    raise InputError(f"{option} needs a value: {option} {parameter.type.metavar}.")
                text = rest.pop(0)
        else:
            place = next((p for p in places if p.name not in texts), None)
            if place is None:
                raise InputError(
                    f"{verb.line} has no use for {token!r}: leave it out (or put quotes around a text with blanks), or "
                    f"see {verb.line} --help."
                )
            parameter, text = place, token
        if parameter.name in texts:
            raise InputError(f"{parameter.label} is given twice: leave one out.")
        texts[parameter.name] = text
    return texts


def _option(verb: Verb, option: str) -> Parameter:
    for parameter in (*verb.options, *verb.positionals):
        if parameter.option == option:
            return parameter
    raise UnknownNameError("option", option, tuple(p.option for p in verb.options), f"See {verb.line} --help.")


def render(verb: Verb, arguments: Mapping[str, Any]) -> str:
    """The line that stands for a call: what is not the default, quoted as a shell would.

    With the text of a cell, it is a cell: `%%lepton ...` and the text below.
    """
    words = [verb.line]
    for parameter in verb.positionals:
        if parameter.name in arguments and arguments[parameter.name] != parameter.default:
            words.append(shlex.quote(parameter.type.write(arguments[parameter.name])))
    for parameter in verb.options:
        value = arguments.get(parameter.name, parameter.default)
        if value is parameter.default or (value == parameter.default and not parameter.is_required):
            continue
        words.append(parameter.option)
        if not isinstance(parameter.type, Flag):
            words.append(shlex.quote(parameter.type.write(value)))
    body = arguments.get(verb.body.name) if verb.body else None
    return " ".join(words) if body is None else f"%{' '.join(words)}\n{body}"


def read(text: str, namespace: Namespace | None = None, verbs: Sequence[Verb] = VERBS) -> tuple[Verb, dict[str, Any]]:
    """The verb and arguments of a whole `%lepton` line, or of a `%%lepton` cell: what `render` wrote."""
    line, _, body = text.partition("\n")
    words = split(line.strip())
    is_cell = bool(words) and words[0] == "%%lepton"
    if not is_cell and (not words or words[0] != "%lepton"):
        raise InputError(f"{line!r} is not a %lepton line.")
    verb, tokens = find(words[1:], verbs)
    return verb, parse(verb, tokens, namespace, body if is_cell else None)


def run(lab: Lab, verb: Verb, arguments: Mapping[str, Any]) -> Any:
    """Do what a verb stands for."""
    if verb.call is not None:
        return verb.call(lab, **arguments)
    method: Any = lab
    for word in verb.words:
        method = getattr(method, word)
    return method(**arguments)
