"""Workers on this machine, as Dask's own processes outside the kernel, locked with certificates of their own.

`up` starts one `dask scheduler` and one `dask spec` (Dask's command that starts named workers under their nannies), and
gives a `Handle`. What there is to know of a cluster stands in a record in its folder, so that `find` and `attach` work
from any other kernel. A cluster ends with the kernel that started it, unless it is detached: see `_lifeline`.
"""

from __future__ import annotations

from lepton_lab.cluster._adapt import Adapter
from lepton_lab.cluster._attach import attach, find, look
from lepton_lab.cluster._elsewhere import Tls
from lepton_lab.cluster._end import end
from lepton_lab.cluster._handle import Handle
from lepton_lab.cluster._logs import read_logs
from lepton_lab.cluster._plan import device_names, parse_adapt
from lepton_lab.cluster._up import up

__all__ = [
    "Adapter",
    "Handle",
    "Tls",
    "attach",
    "device_names",
    "end",
    "find",
    "look",
    "parse_adapt",
    "read_logs",
    "up",
]
