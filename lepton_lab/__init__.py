"""Lepton Lab: train, compress and ship TensorFlow models on a Dask cluster, from a notebook.

In a notebook: `%load_ext lepton_lab`, then `%lepton help`. In a script: `from lepton_lab import Lab`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from lepton_lab.lab import Lab
    from lepton_lab.magics import current_lab
    from lepton_lab.train import LeptonModel

_HOMES = {"Lab": "lepton_lab.lab", "LeptonModel": "lepton_lab.train", "current_lab": "lepton_lab.magics"}

__all__ = ["Lab", "LeptonModel", "__version__", "current_lab"]


def __getattr__(name: str) -> Any:
    """Public names are loaded when they are first used, so that importing the package costs nothing."""
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


def load_ipython_extension(ipython: Any) -> None:
    """`%load_ext lepton_lab`: adds `%lepton`, its completion and the sidebar's line to this kernel."""
    from lepton_lab.magics import load_ipython_extension as load

    load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """`%unload_ext lepton_lab`: takes all of that away again."""
    from lepton_lab.magics import unload_ipython_extension as unload

    unload(ipython)
