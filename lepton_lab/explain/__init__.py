"""Stage 3c: why a model answers as it does.

`explain` takes a model's answers apart by one of `METHODS`: most say of each row what spoke for its answer, one says of
all rows together what the model can't do without.
"""

from lepton_lab.explain._base import BASELINES, Options
from lepton_lab.explain._explain import AUTO, explain
from lepton_lab.explain._methods import METHODS

__all__ = ["AUTO", "BASELINES", "METHODS", "Options", "explain"]
