"""The `%lepton` line that a call stands for, kept with what the call made."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable, Mapping
from typing import Any


def line_of(method: Callable[..., Any], words: tuple[str, ...], options: Mapping[str, Any]) -> str:
    """`%lepton`, the words, and those options that are not the method's defaults."""
    defaults = {name: parameter.default for name, parameter in inspect.signature(method).parameters.items()}
    parts = ["%lepton", *words]
    for name, value in options.items():
        if value is not None and value != defaults[name]:
            parts += [f"--{name.replace('_', '-')}"] if value is True else [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join(parts)
