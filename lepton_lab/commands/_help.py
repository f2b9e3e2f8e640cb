"""Help, written from the descriptions."""

from __future__ import annotations

from collections.abc import Sequence

from lepton_lab.commands._lines import find
from lepton_lab.commands._spec import Parameter, Verb
from lepton_lab.commands._table import VERBS
from lepton_lab.commands._types import Body, Choice, Flag
from lepton_lab.display import Table


def help_text(words: Sequence[str] = (), verbs: Sequence[Verb] = VERBS) -> str:
    """The same as `help_table`, as text."""
    return help_table(words, verbs).text()


def help_table(words: Sequence[str] = (), verbs: Sequence[Verb] = VERBS) -> Table:
    """Help for everything, for a noun (`["data"]`) or for a verb (`["data", "load"]`).

    Raises
    ------
    InputError
        If there is no such noun or verb; names the nearest.
    """
    chosen = [verb for verb in verbs if not words or (len(words) == 1 and verb.words[0] == words[0])]
    if chosen and (len(chosen) > 1 or chosen[0].words != tuple(words)):
        title = f"%lepton {words[0]} ..." if words else "%lepton VERB [names] [--options]"
        rows = [(" ".join(verb.words), verb.help) for verb in chosen]
        return Table(title, (), rows, notes=["more about one: %lepton help " + " ".join(chosen[-1].words)])
    verb, _ = find(words, verbs)
    return _verb_table(verb)


def _verb_table(verb: Verb) -> Table:
    """Help for one verb."""
    parameters = [*verb.positionals, *verb.options, *([verb.body] if verb.body else [])]
    rows = [row for p in parameters for row in ((parameter_usage(p), parameter_help(p)), *_meanings(p))]
    gives = [] if verb.result is object else [f"gives {' or '.join(verb.results)}"]
    return Table(verb.usage(), (), rows, notes=[verb.help, *gives])


def _meanings(parameter: Parameter) -> list[tuple[str, str]]:
    """A row for each choice of which there is something to say."""
    kind = parameter.type
    return [("", f"  {word}: {meaning}") for word, meaning in kind.meanings.items()] if isinstance(kind, Choice) else []


def parameter_usage(parameter: Parameter) -> str:
    """The left column: `MODEL`, `--epochs N`."""
    if parameter.positional or isinstance(parameter.type, Flag):
        return parameter.label
    if isinstance(parameter.type, Body):
        return "the cell"
    return f"{parameter.option} {'WORD' if isinstance(parameter.type, Choice) else parameter.type.metavar}"


def parameter_help(parameter: Parameter) -> str:
    """The right column: what it is, its choices, its unit, its default, and where it applies."""
    facts = []
    if parameter.type.choices:
        facts.append(" | ".join(parameter.type.choices))
    elif parameter.unit:
        facts.append(parameter.unit)
    if not parameter.is_required and parameter.default is not None and parameter.default is not False:
        facts.append(f"default {parameter.default}")
    if parameter.when is not None:
        facts.append(f"only for {' or '.join(parameter.when.values)}")
    return parameter.help + (f" ({'; '.join(facts)})" if facts else "")
