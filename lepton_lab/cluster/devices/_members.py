"""The members of the family: which there are, by the names of their classes, and one of them made."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from lepton_lab.cluster.devices._base import Accelerator

GROUP = "lepton_lab.devices"
"""Of the entry points of plug-ins."""

NVIDIA = "lepton_lab.cluster.devices._nvidia:Nvidia"
BUILT_IN = (
    ("gpu", NVIDIA),
    ("gpu", "lepton_lab.cluster.devices._amd:Amd"),
    ("tpu", "lepton_lab.cluster.devices._tpu:Tpu"),
)

_NOT_KINDS = ("auto", "cpu")


def members() -> Iterator[tuple[str, str]]:
    """Kind and `package.module:Class` of each member; imports none of them.

    An entry point whose name can't be a kind (lower-case letters, digits and `_`; not `auto` or `cpu`) is passed over.
    """
    yield from BUILT_IN
    for point in entry_points(group=GROUP):
        if re.fullmatch(r"[a-z][a-z0-9_]*", point.name) and point.name not in _NOT_KINDS:
            yield point.name, point.value


def kinds() -> tuple[str, ...]:
    """The kinds of accelerators that `find` takes; a member may find none of its kind here."""
    return tuple(dict.fromkeys(kind for kind, _ in members()))


@cache
def make(source: str) -> Accelerator:
    """The member of this name, one in each process. Raises what its package raises, or TypeError if it isn't one."""
    module, _, name = source.partition(":")
    made = getattr(import_module(module), name)()
    if not isinstance(made, Accelerator):
        raise TypeError(f"{source} is no subclass of lepton_lab.cluster.devices.Accelerator")
    return made
