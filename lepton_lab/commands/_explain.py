"""`%lepton explain`."""

from lepton_lab.commands._shared import DATA, MODEL, SPLIT
from lepton_lab.commands._spec import Parameter, Verb, When
from lepton_lab.commands._types import Choice, Integer, Text
from lepton_lab.explain import AUTO, BASELINES, METHODS
from lepton_lab.types import Explanation

_METHODS = {
    AUTO: "integrated_gradients for a Keras model of pictures, else permutation",
    **{name: method.MEANING for name, method in METHODS.items()},
}
_OF_ROWS = tuple(name for name in _METHODS if name != "permutation")
_SHAP = tuple(name for name in METHODS if name.startswith("shap_"))

VERBS = (
    Verb(
        ("explain",),
        "Why a model answers rows as it does, or what it goes by as a whole.",
        (
            MODEL,
            DATA,
            Parameter("method", Choice(tuple(_METHODS), _METHODS), "how it is explained", AUTO),
            Parameter("rows", Integer(1), "how many; as many as the method takes if left out", None, unit="rows"),
            SPLIT,
            Parameter(
                "label",
                Text(),
                "the class, label or number to explain; the model's answer if left out",
                None,
                when=When("method", _OF_ROWS),
            ),
            Parameter(
                "layer",
                Text(),
                "whose maps are looked at; the last with places if left out",
                None,
                when=When("method", ("grad_cam",)),
                is_rare=True,
            ),
            Parameter(
                "baseline",
                Choice(BASELINES),
                "the row to compare with; auto is the training rows' mean for tables, else zeros",
                "auto",
                when=When("method", (AUTO, "integrated_gradients")),
                is_rare=True,
            ),
            Parameter(
                "steps",
                Integer(1),
                "from the baseline to the row; more make the error smaller",
                256,
                when=When("method", (AUTO, "integrated_gradients")),
                unit="steps",
                is_rare=True,
            ),
            Parameter(
                "repeats",
                Integer(1),
                "how often each column is shuffled",
                5,
                when=When("method", (AUTO, "permutation")),
                unit="repeats",
                is_rare=True,
            ),
            Parameter(
                "samples",
                Integer(1),
                "points, or combinations, a row; more make the error smaller",
                512,
                when=When("method", _SHAP),
                unit="samples",
                is_rare=True,
            ),
            Parameter("seed", Integer(0), "decides what is drawn by chance", 0, is_rare=True),
        ),
        Explanation,
    ),
)
