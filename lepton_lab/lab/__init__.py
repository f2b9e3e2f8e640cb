"""The session: names -> values, one workspace folder. The only place that knows the order of the stages."""

from lepton_lab.lab._lab import Lab
from lepton_lab.lab._parallel import STOP, Stop

__all__ = ["STOP", "Lab", "Stop"]
