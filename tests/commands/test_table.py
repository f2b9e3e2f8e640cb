"""Every description is held to the method of `Lab` that it stands for."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lepton_lab.commands import REQUIRED, VERBS, Choice, Verb
from lepton_lab.lab import Lab

NOT_VERBS = {
    "close",
    "call",
    "data_of",
    "summary",
    "map",
    "names",
    "latest",
    "run.past",
    "run.readable",
    "cluster.close",
    "cluster.glance",
    "cluster.handle",
    "cluster.is_up",
    "cluster.others",
    "data.names",
    "model.bring",
    "model.weights",
    "data.get",
    "data.replace_lost",
    "data.leave",
    "data.shard_sets",
    "data.shards_for_training",
    "run.check_unused",
    "model.names",
    "run.names",
    "run.list",
    "run.launch",
    "run.finish",
    "run.follow",
    "run.stop_all",
    "run.active",
    "run.leave",
    "run.welcome",
    "run.close",
    "model.measures",
    "model.keep_measures",
}
"""What is public in a lab without being a verb: what the lab's own parts need of each other."""


def method_of(lab: Lab, verb: Verb) -> Any:
    value: Any = lab
    for word in verb.words:
        value = getattr(value, word)
    return value


def public_methods(lab: Lab) -> Iterator[str]:
    nouns = {name: value for name, value in vars(lab).items() if type(value).__name__.endswith("Noun")}
    assert set(nouns) == {"cluster", "data", "model", "run"}
    for prefix, value in {"": lab, **{f"{name}.": value for name, value in nouns.items()}}.items():
        yield from (f"{prefix}{name}" for name in vars(type(value)) if not name.startswith("_"))


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: ".".join(verb.words))
class TestVerb:
    def test_has_the_methods_parameters(self, verb: Verb, tmp_path: Path) -> None:
        signature = inspect.signature(method_of(Lab(tmp_path), verb))
        defaults = {
            name: REQUIRED if parameter.default is inspect.Parameter.empty else parameter.default
            for name, parameter in signature.parameters.items()
        }
        assert {p.name: p.default for p in verb.parameters} == defaults
        assert [p.name for p in verb.parameters] == list(signature.parameters)

    def test_keeps_the_order_of_positionals(self, verb: Verb, tmp_path: Path) -> None:
        signature = inspect.signature(method_of(Lab(tmp_path), verb))
        positional = [name for name, p in signature.parameters.items() if p.kind is not inspect.Parameter.KEYWORD_ONLY]
        own = [p.name for p in verb.positionals]
        assert own == positional[: len(own)]

    def test_says_what_it_gives(self, verb: Verb, tmp_path: Path) -> None:
        assert " | ".join(verb.results) == inspect.signature(method_of(Lab(tmp_path), verb)).return_annotation

    def test_is_one_line_of_help(self, verb: Verb, tmp_path: Path) -> None:
        assert verb.help.endswith(".") and "\n" not in verb.help
        for parameter in verb.parameters:
            assert parameter.help and not parameter.help.endswith(".")
            if parameter.when is not None:
                other = verb.parameter(parameter.when.name)
                assert set(parameter.when.values) <= set(other.type.choices)
            if isinstance(parameter.type, Choice) and parameter.type.meanings:
                assert tuple(parameter.type.meanings) == parameter.type.words


def test_every_public_method_is_described(tmp_path: Path) -> None:
    described = {".".join(verb.words) for verb in VERBS}
    assert set(public_methods(Lab(tmp_path))) - NOT_VERBS == described


def test_no_exception_is_out_of_date(tmp_path: Path) -> None:
    assert set(public_methods(Lab(tmp_path))) >= NOT_VERBS
