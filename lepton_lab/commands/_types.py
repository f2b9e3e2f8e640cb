"""What a parameter can be: how its text on a line becomes a value, and how a value is written on a line.

Each member has the same shape: `read` (text to value), `write` (value to text), `metavar` (what help shows for it) and
`choices` (what completion and forms offer). `what` is the parameter's name as the user sees it, for messages.
"""

from __future__ import annotations

import difflib
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from lepton_lab.errors import InputError
from lepton_lab.types import Held

Namespace = Mapping[str, object]
"""The notebook's variables, by name."""


class ValueType(ABC):
    """The base of the family."""

    @property
    @abstractmethod
    def metavar(self) -> str:
        """What stands for a value in help: `N`, `FILE`."""

    @property
    def choices(self) -> tuple[str, ...]:
        """Texts to offer; the only ones that can be read for `Choice`, and suggestions for all others."""
        return ()

    @abstractmethod
    def read(self, text: str, what: str, namespace: Namespace) -> object:
        """The value that a text stands for.

        Raises
        ------
        InputError
            If it stands for none; says what is expected.
        """

    def write(self, value: object) -> str:
        """The text that `read` makes this value of."""
        return str(value)


@dataclass(frozen=True)
class Integer(ValueType):
    """A whole number within bounds, both included."""

    minimum: int | None = None
    maximum: int | None = None
    metavar = "N"

    def read(self, text: str, what: str, namespace: Namespace) -> int:
        try:
            value = int(text.replace("_", ""))
        except ValueError:
            bounds = _bounds(self.minimum, self.maximum)
            raise InputError(f"{what} is {text!r}, expected a whole number{bounds}.") from None
        _check(value, self.minimum, self.maximum, what)
        return value


@dataclass(frozen=True)
class Number(ValueType):
    """A number within bounds, both included unless `open`."""

    minimum: float | None = None
    maximum: float | None = None
    open: bool = False
    """Whether the bounds themselves are not allowed."""
    metavar = "X"

    def read(self, text: str, what: str, namespace: Namespace) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            bounds = _bounds(self.minimum, self.maximum, self.open)
            raise InputError(f"{what} is {text!r}, expected a number{bounds}.")
        _check(value, self.minimum, self.maximum, what, self.open)
        return value


@dataclass(frozen=True)
class Text(ValueType):
    """Any text; `suggestions` are offered, others are taken too.

    With `several` there may be some of them, with commas between.
    """

    suggestions: tuple[str, ...] = ()
    several: bool = False
    metavar: str = "TEXT"

    @property
    def choices(self) -> tuple[str, ...]:
        return self.suggestions

    def read(self, text: str, what: str, namespace: Namespace) -> str:
        return text


@dataclass(frozen=True)
class Choice(ValueType):
    """One of a few words."""

    words: tuple[str, ...]
    meanings: Mapping[str, str] = field(default_factory=dict, compare=False)
    """What each of the words is, or is good for; empty where the words say it."""

    @property
    def metavar(self) -> str:
        return "|".join(self.words)

    @property
    def choices(self) -> tuple[str, ...]:
        return self.words

    def read(self, text: str, what: str, namespace: Namespace) -> str:
        if text not in self.words:
            near = difflib.get_close_matches(text, self.words, n=1, cutoff=0.5)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise InputError(f"{what} is {text!r}, expected one of {', '.join(self.words)}.{hint}")
        return text


@dataclass(frozen=True)
class Flag(ValueType):
    """True where the option stands on the line, else False."""

    metavar = ""

    def read(self, text: str, what: str, namespace: Namespace) -> bool:
        return True


@dataclass(frozen=True)
class File(ValueType):
    """A file's path."""

    metavar = "FILE"

    def read(self, text: str, what: str, namespace: Namespace) -> str:
        return text


@dataclass(frozen=True)
class Memory(ValueType):
    """An amount of memory, with its unit: `4GB`."""

    metavar = "4GB"

    def read(self, text: str, what: str, namespace: Namespace) -> str:
        if not re.fullmatch(r"\d*\.?\d+\s*[A-Za-z]*", text):
            raise InputError(f"{what} is {text!r}, expected an amount of memory such as 4GB.")
        return text


@dataclass(frozen=True)
class Bounds(ValueType):
    """The fewest and the most of something: `1:4`."""

    metavar = "MIN:MAX"

    def read(self, text: str, what: str, namespace: Namespace) -> str:
        found = re.fullmatch(r"([1-9]\d*):([1-9]\d*)", text)
        if found is None or int(found[1]) > int(found[2]):
            raise InputError(f"{what} is {text!r}, expected the fewest and the most, such as 1:4.")
        return text


@dataclass(frozen=True)
class Name(ValueType):
    """The name of something in the lab; that there is such a thing is for the lab to say.

    A model or a data set may be a variable of the notebook instead, whose value goes with the name.
    """

    kind: str
    """As `Lab.names` takes it: `data set`, `model`, `run`, `worker`."""
    others: tuple[str, ...] = ()
    """Words that are taken besides names."""

    @property
    def metavar(self) -> str:
        return {"data set": "DATASET"}.get(self.kind, self.kind.upper())

    @property
    def versions(self) -> str:
        """What the lab calls their versions, such as `net@3`; empty where they have none."""
        return "model version" if self.kind == "model" else ""

    @property
    def choices(self) -> tuple[str, ...]:
        return self.others

    def read(self, text: str, what: str, namespace: Namespace) -> str:
        is_variable = self.kind in ("model", "data set") and text in namespace
        return Held(text, namespace[text]) if is_variable else text


@dataclass(frozen=True)
class Shape(ValueType):
    """The shape of a row: `8,8,1`."""

    metavar = "8,8,1"

    def read(self, text: str, what: str, namespace: Namespace) -> tuple[int, ...]:
        if not re.fullmatch(r"[1-9]\d*(,[1-9]\d*)*", text):
            raise InputError(f"{what} is {text!r}, expected whole numbers with commas between, such as 8,8,1.")
        return tuple(map(int, text.split(",")))

    def write(self, value: object) -> str:
        assert isinstance(value, tuple | list)
        return ",".join(map(str, value))


@dataclass(frozen=True)
class Source(ValueType):
    """A word that the lab knows, a path, a variable of the notebook, or two variables: `x,y`.

    A known word and a path that exists go before a variable of that name, which goes with them.
    """

    known: tuple[str, ...] = ()
    metavar = "PATH|VARIABLE"

    @property
    def choices(self) -> tuple[str, ...]:
        return self.known

    def read(self, text: str, what: str, namespace: Namespace) -> object:
        names = text.split(",")
        if text in self.known or Path(text).expanduser().exists():
            value = namespace.get(text)
            return text if value is None or isinstance(value, str | Path) else Held(text, value)
        if not all(name in namespace for name in names):
            return text
        values = tuple(namespace[name] for name in names)
        return values if len(values) > 1 else values[0]

    def name_for(self, text: str, value: object) -> str | None:
        """What a thing read from a single variable is called by default: as the variable is, which goes with it."""
        return Held(text, value) if not isinstance(value, str | Path) and text.isidentifier() else None

    def write(self, value: object) -> str:
        if not isinstance(value, str | Path):
            kind = type(value).__name__
            raise InputError(f"A {kind} can't be written on a line: give the name of a variable, or a path.")
        return str(value)


@dataclass(frozen=True)
class Variable(ValueType):
    """What a variable of the notebook holds; that there is such a variable is for the lab to say."""

    metavar = "VARIABLE"

    def read(self, text: str, what: str, namespace: Namespace) -> object:
        return namespace.get(text, text)

    def write(self, value: object) -> str:
        if not isinstance(value, str):
            kind = type(value).__name__
            raise InputError(f"A {kind} can't be written on a line: give the name of a variable.")
        return value


@dataclass(frozen=True)
class Part(ValueType):
    """What Keras knows by a name, as text with or without settings, or a variable of the notebook; a number, maybe.

    `suggestions` go before a variable of that name. With `several` there may be some of them, with commas between.
    """

    suggestions: tuple[str, ...] = ()
    number: Number | None = None
    """What a number must be, where one can stand here."""
    several: bool = False

    @property
    def metavar(self) -> str:
        return f"{'X|' if self.number else ''}TEXT|VARIABLE"

    @property
    def choices(self) -> tuple[str, ...]:
        return self.suggestions

    def read(self, text: str, what: str, namespace: Namespace) -> object:
        if self.number is not None and _is_number(text):
            return self.number.read(text, what, namespace)
        names = re.split(r",\s*(?![^()\[\]]*[)\]])", text) if self.several else [text]
        values = [self._one(name.strip(), namespace) for name in names]
        if all(isinstance(value, str) for value in values):
            return text
        return values if len(values) > 1 else values[0]

    def _one(self, text: str, namespace: Namespace) -> object:
        value = text if text in self.suggestions else namespace.get(text, text)
        is_part = callable(value) or hasattr(value, "__dict__") or isinstance(value, list | tuple | Mapping)
        return value if is_part and not isinstance(value, ModuleType) else text

    def write(self, value: object) -> str:
        if not isinstance(value, str | int | float):
            kind = type(value).__name__
            raise InputError(f"A {kind} can't be written on a line: give a name, or the name of a variable.")
        return str(value)


@dataclass(frozen=True)
class Body(ValueType):
    """The text of the cell below the line."""

    metavar = "the cell's text"

    def read(self, text: str, what: str, namespace: Namespace) -> str:
        return text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _bounds(minimum: float | None, maximum: float | None, open: bool = False) -> str:
    if minimum is not None and maximum is not None:
        return f" between {minimum} and {maximum}{', both excluded' if open else ''}"
    if minimum is not None:
        return f" greater than {minimum}" if open else f" of at least {minimum}"
    return "" if maximum is None else f" below {maximum}" if open else f" of at most {maximum}"


def _check(value: float, minimum: float | None, maximum: float | None, what: str, open: bool = False) -> None:
    low = minimum is not None and (value <= minimum if open else value < minimum)
    high = maximum is not None and (value >= maximum if open else value > maximum)
    if low or high:
        raise InputError(f"{what} is {value}, expected a number{_bounds(minimum, maximum, open)}.")
