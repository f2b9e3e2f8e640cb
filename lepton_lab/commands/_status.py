"""`%lepton status`."""

from lepton_lab.commands._spec import Verb
from lepton_lab.types import Status

VERBS = (Verb(("status",), "The lab at a glance: cluster, data sets, models, runs, exports.", (), Status),)
