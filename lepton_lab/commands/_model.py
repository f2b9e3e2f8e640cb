"""`%lepton model ...`."""

from lepton_lab.commands._shared import DATA
from lepton_lab.commands._spec import Parameter, Verb
from lepton_lab.commands._types import Body, Choice, File, Flag, Integer, Name, Shape, Source, Text
from lepton_lab.train import KINDS
from lepton_lab.types import LayerReport, Listing, Model

_NAME = Parameter("name", Name("model"), "the model", positional=True)

VERBS = (
    Verb(
        ("model", "new"),
        "Make a model, in place of an earlier one of that name, which stays as a version.",
        (
            Parameter("name", Text(), "what to call it", positional=True),
            Parameter("kind", Choice(KINDS), "what it is built of, where no function in the cell builds it", "cnn"),
            Parameter("data", Name("data set"), "data set that the shapes, classes and scaling come from", None),
            Parameter("input_shape", Shape(), "shape of a row, where there is no data set", None),
            Parameter("num_classes", Integer(1), "how many classes, where there is no data set", None, unit="classes"),
            Parameter("hidden_size", Integer(1), "width of the hidden layers", 64),
            Parameter("num_layers", Integer(1), "how many hidden layers", 2, unit="layers"),
            Parameter("builder", Body(), "a function build(input_shape, num_classes) that gives a Keras model", None),
            Parameter("seed", Integer(0), "of the weights", 0, is_rare=True),
        ),
        Model,
    ),
    Verb(
        ("model", "add"),
        "Bring in a Keras model of the notebook, a .keras, .tflite or .onnx file, or a SavedModel.",
        (
            Parameter("source", Source(), "a variable that holds a Keras model, or a model's path", positional=True),
            Parameter("name", Text(), "what to call it; its own name if left out", None),
            Parameter("allow_code", Flag(), "run code in a .keras file, of somebody you trust", False, is_rare=True),
        ),
        Model,
    ),
    Verb(("model", "list"), "All models.", (), Listing),
    Verb(
        ("model", "show"), "A model's record, and its versions: what it was before it was made anew.", (_NAME,), Model
    ),
    Verb(
        ("model", "restore"),
        "Make an earlier version the model again, as a new version; what it is now stays as one.",
        (Parameter("name", Name("model"), "the version, such as net@3", positional=True),),
        Model,
    ),
    Verb(
        ("model", "layers"),
        "What each layer's weights are like, and how far its answers are from those of the float model.",
        (
            _NAME,
            Parameter("against", Name("model"), "the float model; the one that it was made from if left out", None),
            DATA,
            Parameter("to", File(), "a .json file for every node's error, as Model Explorer shows it", None),
        ),
        LayerReport,
    ),
    Verb(
        ("model", "drop"),
        "Remove a model with its versions, which all stay until then; what was made from it stays.",
        (
            Parameter("name", Name("model"), "the model; or one version of it, such as net@3", positional=True),
            Parameter("keep", Integer(0), "remove none but versions, all but so many of the latest", None),
        ),
        Listing,
    ),
)
