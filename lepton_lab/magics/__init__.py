"""The `%lepton` magic: what it does, how it completes, and what is seen while it works."""

from lepton_lab.magics._extension import load_ipython_extension, unload_ipython_extension
from lepton_lab.magics._session import current_lab

__all__ = ["current_lab", "load_ipython_extension", "unload_ipython_extension"]
