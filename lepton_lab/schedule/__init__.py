"""Tasks on unlike devices: who does what and when, planned before (`make_plan`) or as it goes (`Dispatcher`)."""

from lepton_lab.schedule._data import bytes_per_second, find_data
from lepton_lab.schedule._dispatch import Dispatcher
from lepton_lab.schedule._log import Log
from lepton_lab.schedule._plan import make_plan
from lepton_lab.schedule._read import read_machines, read_tasks
from lepton_lab.schedule._seats import Call, Data

__all__ = [
    "Call",
    "Data",
    "Dispatcher",
    "Log",
    "bytes_per_second",
    "find_data",
    "make_plan",
    "read_machines",
    "read_tasks",
]
