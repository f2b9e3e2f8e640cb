"""A part of a training as text, for the `%lepton` line that is kept with what it made."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from lepton_lab.errors import InputError
from lepton_lab.train._parts import describe, inner_of, type_module

_LEFT_OUT = ("name", "dtype", "is_legacy_optimizer", "jit_compile")
"""Settings that Keras's objects tell, and that change nothing here."""


def written(kind: str, given: Any) -> str:
    """How a part that was given is written on a line; several with commas between.

    What is of one's own is written by its name, under which the notebook has it: the line can be run there.

    Parameters
    ----------
    kind
        As for `describe`.
    """
    if isinstance(given, str | int | float):
        return str(given)
    if isinstance(given, Mapping):
        if "class_name" in given:
            return _call(given["class_name"], given.get("config") or {})
        return ",".join(f"{key}={value}" for key, value in given.items())
    if isinstance(given, Iterable):
        return ",".join(written(kind, part) for part in given)
    if inspect.isclass(given) or inspect.isfunction(given):
        return given.__name__
    name = type(given).__name__
    if type_module(type(given)) not in ("keras", "tf_keras"):
        return name
    if inner := inner_of(given):
        return written(kind, inner)
    try:
        part = describe(kind, given)
    except InputError:
        return name
    defaults = {key: p.default for key, p in inspect.signature(type(given).__init__).parameters.items()}
    settings = {key: _short(value) for key, value in part["config"].items() if key not in _LEFT_OUT}
    return _call(name, {key: value for key, value in settings.items() if key in defaults and value != defaults[key]})


def _call(name: str, settings: Mapping[str, Any]) -> str:
    shown = [f"{key}={_value(value)}" for key, value in settings.items() if key not in _LEFT_OUT]
    return f"{name}({', '.join(shown)})" if shown else name


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        if "pickled" in value:
            return str(value["name"])
        return _call(value.get("class_name", "dict"), value.get("config", {}))
    return repr(_short(value))


def _short(value: Any) -> Any:
    """A number that Keras holds in float32 as it was written: 0.1, not 0.10000000149011612."""
    if not isinstance(value, float):
        return value
    short = float(f"{value:.7g}")
    return short if abs(short - value) <= abs(value) * 1e-7 else value
