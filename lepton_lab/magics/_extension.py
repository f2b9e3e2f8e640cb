"""What `%load_ext lepton_lab` adds to a shell, and `%unload_ext` takes away."""

from __future__ import annotations

import weakref
from typing import Any

from lepton_lab.magics._console import Console
from lepton_lab.magics._magic import LeptonMagics
from lepton_lab.magics._matcher import make_matcher
from lepton_lab.magics._session import end_lab
from lepton_lab.widgets import _bridge

_loaded: weakref.WeakKeyDictionary[Any, tuple[Console, Any]] = weakref.WeakKeyDictionary()
"""By shell its console and the matcher of its completion."""


def load_ipython_extension(ipython: Any) -> None:
    """Add the magic, its completion, and the sidebar's line to this kernel; makes no lab yet."""
    ipython.register_magics(LeptonMagics)
    _forget(ipython)
    console = Console(ipython)
    matcher = make_matcher(console)
    _loaded[ipython] = console, matcher
    ipython.Completer.custom_matchers.append(matcher)
    ipython.events.register("pre_run_cell", console.begin_cell)
    ipython.events.register("post_run_cell", console.end_cell)
    _bridge.register(ipython, console)


def unload_ipython_extension(ipython: Any) -> None:
    """Take all of it away, and end the lab."""
    for kind in ("line", "cell"):
        ipython.magics_manager.magics[kind].pop("lepton", None)
    ipython.magics_manager.registry.pop("LeptonMagics", None)
    _forget(ipython)
    _bridge.unregister(ipython)
    end_lab()


def _forget(ipython: Any) -> None:
    if ipython not in _loaded:
        return
    console, matcher = _loaded.pop(ipython)
    ipython.Completer.custom_matchers.remove(matcher)
    ipython.events.unregister("pre_run_cell", console.begin_cell)
    ipython.events.unregister("post_run_cell", console.end_cell)
