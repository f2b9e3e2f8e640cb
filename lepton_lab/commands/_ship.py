"""`%lepton predict`, `evaluate`, `compress` and `export`."""

from lepton_lab.commands._spec import Parameter, Verb, When
from lepton_lab.commands._types import Choice, File, Integer, Name, Number, Text, Variable
from lepton_lab.compress import SCHEMES, TECHNIQUES
from lepton_lab.export import FORMATS
from lepton_lab.types import Bundle, CompressedModel, Evaluation, Prediction

_MODEL = Parameter("model", Name("model"), "the model", positional=True)
_DATA = Parameter("data", Name("data set"), "a data set; the one that it was trained on if left out", None)
_PRUNE, _QUANTIZE = When("technique", ("prune",)), When("technique", ("quantize",))

_SPLIT = Parameter("split", Choice(("test", "train")), "which rows", "test")

_TECHNIQUES = {
    "prune": "zeroes the least weights while it trains on",
    "quantize": "takes fewer bits a number",
}
_SCHEMES = {
    "dynamic": "int8 weights; activations become int8 while it runs",
    "float16": "float16 weights, computed in float32: half the size, hardly a difference",
    "int8": "int8 weights and activations: the smallest, and for chips without floats",
}
_FORMATS = {
    "keras": "can be trained on, and runs wherever Keras does",
    "tflite": "runs without TensorFlow, on servers, phones and small boards",
}

VERBS = (
    Verb(
        ("predict",),
        "What a model answers to rows of a split, or to rows of your own.",
        (
            _MODEL,
            _DATA,
            _SPLIT,
            Parameter("rows", Variable(), "a variable that holds rows of your own, instead of a data set's", None),
            Parameter("to", File(), "the .npy file for the answers; in the workspace if left out", None),
        ),
        Prediction,
    ),
    Verb(
        ("evaluate",),
        "How good a model is on rows of a split.",
        (_MODEL, _DATA, _SPLIT),
        Evaluation,
    ),
    Verb(
        ("compress",),
        "Make a smaller model from a trained one, and measure what that cost.",
        (
            _MODEL,
            Parameter(
                "technique",
                Choice(TECHNIQUES, _TECHNIQUES),
                "how it is made smaller",
                positional=True,
            ),
            Parameter(
                "sparsity", Number(0, 1, open=True), "share of weights that become zero", 0.8, when=_PRUNE, unit="share"
            ),
            Parameter("scheme", Choice(SCHEMES, _SCHEMES), "how numbers are written", "int8", when=_QUANTIZE),
            _DATA,
            Parameter("epochs", Integer(1), "how long to train on", 4, when=_PRUNE, unit="epochs"),
            Parameter(
                "batch_size",
                Integer(1),
                "rows in a step, over all workers together",
                64,
                when=_PRUNE,
                unit="rows",
                is_rare=True,
            ),
            Parameter(
                "calibration_rows",
                Integer(1),
                "training rows from which int8 learns its ranges",
                256,
                when=_QUANTIZE,
                unit="rows",
                is_rare=True,
            ),
            Parameter("name", Text(), "of the new model; after the technique or scheme if left out", None),
            Parameter("seed", Integer(0), "decides what is drawn by chance", 0, is_rare=True),
        ),
        CompressedModel,
        training="starts",
    ),
    Verb(
        ("export",),
        "Write a model to a file that works without the lab, and check that its answers agree.",
        (
            _MODEL,
            Parameter("format", Choice(FORMATS, _FORMATS), "of the file", positional=True),
            Parameter("to", File(), "the file; in the workspace's exports if left out", None),
            Parameter("rows", Integer(1), "how many rows to compare the answers on", 256, unit="rows"),
        ),
        Bundle,
    ),
)
