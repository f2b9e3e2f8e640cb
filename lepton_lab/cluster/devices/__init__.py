"""What a worker may compute on besides its CPU: one family of accelerators, to which plug-ins may belong.

`kinds` names them, `find` looks for those of a kind on this machine. A worker is given one of them as its own, or none;
see `_base` for what a member of the family is, and how to write one.
"""

from __future__ import annotations

from lepton_lab.cluster.devices._base import Accelerator, Found, Reading
from lepton_lab.cluster.devices._find import Inventory, find
from lepton_lab.cluster.devices._members import GROUP, kinds
from lepton_lab.cluster.devices._own import OwnDevice

__all__ = ["Accelerator", "Found", "Reading", "GROUP", "Inventory", "OwnDevice", "find", "kinds"]
