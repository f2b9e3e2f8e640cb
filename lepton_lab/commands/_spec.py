"""The description of a verb: its words, its parameters and what it gives.

A verb is described once. The magic's parser and help, completion, and the forms are all derived from the description;
none of them knows a verb, an option or a choice of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import UnionType
from typing import Literal, get_args

from lepton_lab.commands._types import Body, Flag, ValueType


class _Required:
    """Stands for the default of a parameter that has none."""

    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED = _Required()


@dataclass(frozen=True)
class When:
    """A parameter belongs to some values of another parameter only."""

    name: str
    """The other parameter."""
    values: tuple[str, ...]

    def holds(self, value: object) -> bool:
        """Whether the parameter applies where the other has this value."""
        return value in self.values


@dataclass(frozen=True)
class Parameter:
    """What a verb can be told."""

    name: str
    """As Python has it: `batch_size`."""
    type: ValueType
    help: str
    """One line, without a full stop."""
    default: object = REQUIRED
    positional: bool = False
    """Whether it stands on the line without `--name` before it."""
    when: When | None = None
    """Where it applies; None for everywhere."""
    unit: str = ""
    """Of a number: `rows`, `workers`."""
    is_rare: bool = False
    """Whether a form folds it away at first: few people ever change it."""

    @property
    def option(self) -> str:
        """As a line has it: `--batch-size`."""
        return "--" + self.name.replace("_", "-")

    @property
    def is_required(self) -> bool:
        """Whether it must be given."""
        return self.default is REQUIRED

    @property
    def label(self) -> str:
        """What it is called in messages."""
        return self.name.upper() if self.positional else self.option

    def usage(self) -> str:
        """As a usage line has it: `MODEL`, `[--epochs N]`."""
        if self.positional:
            word = self.type.metavar if self.type.choices and "|" in self.type.metavar else self.name.upper()
        elif isinstance(self.type, Flag):
            word = self.option
        else:
            word = f"{self.option} {self.type.metavar}"
        return word if self.is_required else f"[{word}]"


@dataclass(frozen=True)
class Verb:
    """One thing that can be done."""

    words: tuple[str, ...]
    """As the line has them: `("cluster", "up")`. Joined by dots they name the method of `Lab`."""
    help: str
    """One line, with a full stop."""
    parameters: tuple[Parameter, ...] = ()
    """In the order of the method's signature."""
    result: type | UnionType = object
    """What it gives; one of several, where it depends on what it is told."""
    training: Literal["", "starts", "follows"] = ""
    """Whether its work is a training run: it starts one, or it waits for one that there is."""
    is_slow: bool = False
    """Whether it takes seconds even when all goes well, so that something is to be shown at once."""
    call: Callable[..., object] | None = None
    """What to call with the lab and the arguments, for a verb that is no method of `Lab`."""

    @property
    def results(self) -> tuple[str, ...]:
        """The names of what it can give."""
        return tuple(kind.__name__ for kind in get_args(self.result) or (self.result,))

    @property
    def line(self) -> str:
        """The line without arguments: `%lepton cluster up`."""
        return " ".join(("%lepton", *self.words))

    @property
    def positionals(self) -> tuple[Parameter, ...]:
        """Those that stand on the line without their names."""
        return tuple(p for p in self.parameters if p.positional)

    @property
    def options(self) -> tuple[Parameter, ...]:
        """Those that stand on the line with their names."""
        return tuple(p for p in self.parameters if not p.positional and not isinstance(p.type, Body))

    @property
    def body(self) -> Parameter | None:
        """The one that the cell's text goes into, if there is one."""
        return next((p for p in self.parameters if isinstance(p.type, Body)), None)

    def parameter(self, name: str) -> Parameter:
        """The parameter of a name."""
        return next(p for p in self.parameters if p.name == name)

    def applies(self, parameter: Parameter, given: dict[str, object]) -> bool:
        """Whether a parameter applies beside the others that are given; those not given count with their defaults."""
        if parameter.when is None:
            return True
        other = self.parameter(parameter.when.name)
        value = given.get(other.name, other.default)
        return value is REQUIRED or parameter.when.holds(value)

    def usage(self) -> str:
        """How its line is written."""
        return " ".join((self.line, *(p.usage() for p in (*self.positionals, *self.options))))
