"""What `%load_ext lepton_lab` adds to a shell, and `%unload_ext` takes away."""

from __future__ import annotations

import weakref
from typing import Any

from lepton_lab.magics._console import Console
from lepton_lab.magics._magic import LeptonMagics
from lepton_lab.magics._matcher import make_matcher
from lepton_lab.magics._session import end_lab
from lepton_lab.widgets import _bridge

_matchers: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()


def load_ipython_extension(ipython: Any) -> None:
    """Add the magic, its completion, and the sidebar's line to this kernel; makes no lab yet."""
    ipython.register_magics(LeptonMagics)
    _remove_matcher(ipython)
    console = Console(ipython)
    _matchers[ipython] = make_matcher(console)
    ipython.Completer.custom_matchers.append(_matchers[ipython])
    _bridge.register(ipython, console)


def unload_ipython_extension(ipython: Any) -> None:
    """Take all of it away, and end the lab."""
    for kind in ("line", "cell"):
        ipython.magics_manager.magics[kind].pop("lepton", None)
    ipython.magics_manager.registry.pop("LeptonMagics", None)
    _remove_matcher(ipython)
    _bridge.unregister(ipython)
    end_lab()


def _remove_matcher(ipython: Any) -> None:
    old = _matchers.pop(ipython, None)
    if old is not None:
        ipython.Completer.custom_matchers.remove(old)
