"""Parameters that several verbs have alike."""

from lepton_lab.commands._spec import Parameter
from lepton_lab.commands._types import Choice, Name

MODEL = Parameter("model", Name("model"), "the model", positional=True)
DATA = Parameter("data", Name("data set"), "a data set; the one that it was trained on if left out", None)
SPLIT = Parameter("split", Choice(("test", "train", "validation")), "which rows", "test")
