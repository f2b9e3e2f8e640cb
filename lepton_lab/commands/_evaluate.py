"""`%lepton predict` and `evaluate`."""

from lepton_lab.commands._shared import DATA, MODEL, SPLIT
from lepton_lab.commands._spec import Parameter, Verb
from lepton_lab.commands._types import File, Integer, Name, Variable
from lepton_lab.types import CrossValidation, Evaluation, Prediction

VERBS = (
    Verb(
        ("predict",),
        "What a model answers to rows of a split, or to rows of your own.",
        (
            MODEL,
            DATA,
            SPLIT,
            Parameter("rows", Variable(), "a variable that holds rows of your own, instead of a data set's", None),
            Parameter("to", File(), "the .npy file for the answers; in the workspace if left out", None),
        ),
        Prediction,
    ),
    Verb(
        ("evaluate",),
        "How good a model is on rows of a split, and whether it is better there than another one.",
        (
            Parameter("model", Name("model"), "the model; or the path of a model's file", positional=True),
            DATA,
            SPLIT,
            Parameter("against", Name("model"), "another model, or a file, to compare with on the same rows", None),
            Parameter(
                "folds",
                Integer(2),
                "train it anew so many times, each time to be tried on other training rows, instead",
                None,
                unit="folds",
            ),
        ),
        Evaluation | CrossValidation,
    ),
)
