"""What a verb's caller gave, held against the annotations of its method: told in one line, before any work is done.

A `%lepton` line is read by `commands`, so that its values have their types already; a call in Python may have any.
NumPy's numbers become Python's, which is what records and lines are written from.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

import numpy as np

from lepton_lab.errors import InputError

_KINDS: dict[Any, tuple[Any, str]] = {
    str: (str, "a text"),
    bool: (bool, "True or False"),
    int: (int, "a whole number"),
    float: ((int, float), "a number"),
    Path: (os.PathLike, "a path"),
    NoneType: (NoneType, "None"),
    Callable: (Callable, "a function"),
    Mapping: (Mapping, "a dict"),
}
"""What is looked at, by the annotation: the types that are taken, and what to call them. All others go by."""
_TOLD_ELSEWHERE = ("data", "function", "priority", "deadline", "demand")
"""What is told better by who knows what may come there by mistake."""
SEEDS = range(2**32)
"""What NumPy and TensorFlow take as one."""


def fitting(method: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> inspect.BoundArguments:
    """The arguments of a call of a verb's method, as they can be used.

    Raises
    ------
    InputError
        If one is of a type that the method doesn't take.
    TypeError
        If there is no such parameter, or one is missing.
    """
    signature, kinds = _known(method)
    bound = signature.bind(*args, **kwargs)
    for name, value in bound.arguments.items():
        if name not in kinds:
            continue
        value = bound.arguments[name] = _plain(value)
        taken = kinds[name]
        if taken and not any(_is(value, kind) for kind in taken):
            words = [_KINDS[kind][1] for kind in taken]
            raise InputError(f"{name} is {value!r:.60}, expected {' or '.join(words)}.")
        if name == "seed" and value not in SEEDS:
            raise InputError(f"seed is {value}, expected a whole number from 0 to {SEEDS[-1]}.")
    return bound


@cache
def _known(method: Callable[..., Any]) -> tuple[inspect.Signature, dict[str, tuple[Any, ...]]]:
    """A method's signature, and for each parameter that may hold a number or is looked at what it takes; () for all."""
    signature = inspect.signature(method)
    kinds: dict[str, tuple[Any, ...]] = {}
    for name, parameter in signature.parameters.items():
        if name == "self" or parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        hint = parameter.annotation
        try:
            hint = eval(hint, method.__globals__) if isinstance(hint, str) else hint
        except NameError:  # imported for type checkers only
            continue
        each = [get_origin(one) or one for one in (get_args(hint) if isinstance(hint, UnionType) else (hint,))]
        if hint is Any or name in _TOLD_ELSEWHERE:
            kinds[name] = ()
        elif all(one in _KINDS for one in each):
            kinds[name] = tuple(each)
    return signature, kinds


def _plain(value: Any) -> Any:
    """One of NumPy's numbers as Python's; anything else as it is."""
    is_number = isinstance(value, np.number | np.bool_) or (isinstance(value, np.ndarray) and value.shape == ())
    return value.item() if is_number else value


def _is(value: Any, kind: Any) -> bool:
    """Whether a value is of a kind; True and False are no numbers."""
    return isinstance(value, _KINDS[kind][0]) and (kind is bool or not isinstance(value, bool))
