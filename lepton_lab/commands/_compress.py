"""`%lepton compress`."""

from lepton_lab.commands._shared import DATA, MODEL
from lepton_lab.commands._spec import Parameter, Verb, When
from lepton_lab.commands._types import Choice, Flag, Integer, Name, Number, Text, ValueType
from lepton_lab.compress import RECIPES, SCHEDULES, SCHEMES, SEARCH, SEARCHING, TECHNIQUES
from lepton_lab.types import CompressedModel, Front, Preflight

_MEANINGS = {name: technique.MEANING for name, technique in TECHNIQUES.items()} | {SEARCH: SEARCHING}
_HOOKED = tuple(name for name, technique in TECHNIQUES.items() if technique.HOOK)
_TRAINED, _TRAINED_ONCE = When("technique", (*_HOOKED, SEARCH)), When("technique", _HOOKED)
_ONE, _SEARCHED = When("technique", tuple(TECHNIQUES)), When("technique", (SEARCH,))


def _own(name: str, type: ValueType, help: str, default: object, *, unit: str = "", is_rare: bool = False) -> Parameter:
    """A parameter of the techniques that name it among their settings."""
    when = When("technique", tuple(word for word, technique in TECHNIQUES.items() if name in technique.SETTINGS))
    return Parameter(name, type, help, default, when=when, unit=unit, is_rare=is_rare)


VERBS = (
    Verb(
        ("compress",),
        "Make a smaller model from a trained one, and measure what that cost.",
        (
            MODEL,
            Parameter(
                "technique",
                Choice(tuple(_MEANINGS), _MEANINGS),
                "how it is made smaller",
                positional=True,
            ),
            _own("sparsity", Number(0, 1, open=True), "share of weights that become zero", 0.8, unit="share"),
            _own("schedule", Choice(SCHEDULES), "how the share of zeros grows", "polynomial", is_rare=True),
            _own(
                "m_by_n", Text(("2:4", "4:8")), "zeros in each so many weights, instead of a share", None, is_rare=True
            ),
            _own("clusters", Integer(3, 256), "different weights that each layer may have", 16, unit="weights"),
            _own(
                "scheme",
                Choice(tuple(SCHEMES), {name: scheme.MEANING for name, scheme in SCHEMES.items()}),
                "how numbers are written",
                "int8",
            ),
            _own(
                "calibration_rows",
                Integer(1),
                "training rows from which the ranges of activations are learnt",
                256,
                unit="rows",
                is_rare=True,
            ),
            _own(
                "tolerance",
                Number(0),
                "accuracy that mixed may lose on training rows",
                0.5,
                unit="points",
                is_rare=True,
            ),
            _own(
                "student", Name("model"), "the model that learns; a narrower one of the same layers if left out", None
            ),
            _own("width", Number(0, 1, open=True), "how wide its layers are beside the teacher's", 0.5, unit="share"),
            _own("temperature", Number(1), "what softens the teacher's answers", 4.0, is_rare=True),
            _own("alpha", Number(0, 1), "the teacher's share in the loss", 0.9, unit="share", is_rare=True),
            DATA,
            Parameter("epochs", Integer(1), "how long to train on", 4, when=_TRAINED, unit="epochs"),
            Parameter(
                "batch_size",
                Integer(1),
                "rows in a step, over all workers together",
                64,
                when=_TRAINED,
                unit="rows",
                is_rare=True,
            ),
            Parameter(
                "learning_rate",
                Number(0, open=True),
                "how far a step goes; 1e-4 for qat, else the optimiser's own if left out",
                None,
                when=_TRAINED,
                is_rare=True,
            ),
            Parameter(
                "workers",
                Integer(1),
                "how many to use; all if left out",
                None,
                when=_TRAINED_ONCE,
                unit="workers",
                is_rare=True,
            ),
            Parameter("name", Text(), "of the new model; after its stage if left out", None, when=_ONE),
            Parameter(
                "budget",
                Text(("accuracy>-0.5", "size<200KB, accuracy>-0.5")),
                "what the pick may cost and must be worth: size, gzip, memory, latency, accuracy",
                None,
                when=_SEARCHED,
            ),
            Parameter("recipes", Integer(1, len(RECIPES)), "how many ways to try", 12, when=_SEARCHED, unit="ways"),
            Parameter("seed", Integer(0), "decides what is drawn by chance", 0, is_rare=True),
            Parameter("dry_run", Flag(), "only say what would be done to each layer", False, when=_ONE),
        ),
        CompressedModel | Preflight | Front,
        training="starts",
    ),
)
