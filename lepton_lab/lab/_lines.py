"""The `%lepton` line that a call stands for, kept with what the call made."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from lepton_lab.train import written

_PARTS = {"learning_rate": "learning rate", "metrics": "metric", "callbacks": "callback"}
"""What a part of a training is called where its option is called otherwise."""


def line_of(method: Callable[..., Any], words: tuple[str, ...], options: Mapping[str, Any]) -> str:
    """`%lepton`, the words, and those options that are not the method's defaults."""
    defaults = {name: parameter.default for name, parameter in inspect.signature(method).parameters.items()}
    parts = ["%lepton", *words]
    for name, value in options.items():
        if value is not None and value is not defaults[name] and value != defaults[name]:
            text = [] if value is True else [written(_PARTS.get(name, name), value)]
            parts += [f"--{name.replace('_', '-')}", *text]
    return shlex.join(parts)
