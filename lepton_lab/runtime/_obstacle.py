"""What in a value keeps it from being sent to another process, by the name that its author gave it."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Iterator, Mapping
from typing import Any

from lepton_lab.runtime._by_value import dumps

_DEPTH = 4
_MOST = 200
"""Parts of a value that are tried, at each depth."""


def obstacle(value: Any) -> str:
    """The part that can't be pickled, such as "`lab`, a Lab"; the value's kind where it is none of its parts."""
    path, part = _find(value, _DEPTH)
    kind = type(part).__name__
    what = f"a{'n' if kind[:1].lower() in 'aeiou' else ''} {kind}"
    return f"`{path}`, {what}" if path else what


def _find(value: Any, depth: int) -> tuple[str, Any]:
    """The path to the innermost part that can't be pickled, and that part."""
    for number, (name, part) in enumerate(_parts(value)):
        if number >= _MOST or not depth:
            break
        if not _can(part):
            # A thing that its author never named is told by the innermost name there is.
            path, inner = _find(part, depth - 1) if _is_made_of_names(part) else ("", part)
            return (f"{name}{path}" if path.startswith("[") else f"{name}.{path}") if path else name, inner
    return "", value


def _can(value: Any) -> bool:
    try:
        dumps(value)
    except Exception:
        return False
    return True


def _is_made_of_names(value: Any) -> bool:
    """Whether what it holds was put there by the user: what is inside of a lab, a client or a file was not."""
    kinds = (types.FunctionType, types.MethodType, types.ModuleType, functools.partial, Mapping, list, tuple, set, type)
    return isinstance(value, kinds) or type(value).__module__ == "__main__"


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    value = inspect.unwrap(value) if callable(value) else value
    if isinstance(value, types.FunctionType):
        used = inspect.getclosurevars(value)
        yield from {**used.nonlocals, **used.globals}.items()
        names = inspect.signature(value).parameters.values()
        yield from ((each.name, each.default) for each in names if each.default is not each.empty)
    elif isinstance(value, types.MethodType):
        yield "self", value.__self__
    elif isinstance(value, functools.partial):
        yield from ((f"[{n}]", each) for n, each in enumerate(value.args))
        yield from {**value.keywords, "func": value.func}.items()
    elif isinstance(value, Mapping):
        yield from ((f"[{name!r}]", each) for name, each in value.items())
    elif isinstance(value, list | tuple | set | frozenset):
        yield from ((f"[{n}]", each) for n, each in enumerate(value))
    else:
        yield from dict(getattr(value, "__dict__", {})).items()
