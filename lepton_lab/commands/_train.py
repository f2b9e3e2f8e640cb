"""`%lepton train`, `runs` and `run ...`."""

from lepton_lab.commands._spec import Parameter, Verb
from lepton_lab.commands._types import Choice, Flag, Integer, Name, Number, Text
from lepton_lab.train import KINDS, STRATEGIES
from lepton_lab.types import Listing, Run

_OPTIMIZERS = ("adam", "sgd", "rmsprop", "adagrad", "adamw", "nadam")
_LOSSES = ("auto", "sparse_categorical_crossentropy", "mse", "mae", "huber")
_LATEST = Parameter("id", Name("run"), "the run; the one under way if left out", None, positional=True)

VERBS = (
    Verb(
        ("train",),
        "Train a model on all workers.",
        (
            Parameter("model", Name("model", KINDS), "a model; a kind's name makes one for the data", positional=True),
            Parameter("data", Name("data set"), "what to learn from; it is sharded first if it isn't yet"),
            Parameter("epochs", Integer(1), "how often every row is seen", 10, unit="epochs"),
            Parameter("batch_size", Integer(1), "rows in a step, over all workers together", 64, unit="rows"),
            Parameter("learning_rate", Number(0, open=True), "of the optimizer", 0.001),
            Parameter("optimizer", Text(_OPTIMIZERS), "by Keras's name", "adam"),
            Parameter("loss", Text(_LOSSES), "by Keras's name; auto goes by the data set's target", "auto"),
            Parameter("workers", Integer(1), "how many to use; all if left out", None, unit="workers"),
            Parameter("strategy", Choice(STRATEGIES), "how the work is laid out", "auto"),
            Parameter("warm_start", Flag(), "go on from the trained weights", False),
            Parameter("seed", Integer(0), "of the rows' order and of all that is random in the model", 0),
            Parameter("background", Flag(), "return at once", False),
        ),
        Run,
        training="starts",
    ),
    Verb(("runs",), "All training runs, the latest last.", (), Listing),
    Verb(("run", "show"), "A run as it stands now.", (Parameter("id", Name("run"), "the run", positional=True),), Run),
    Verb(("run", "stop"), "End a run as cancelled; workers stay.", (_LATEST,), Run),
    Verb(("run", "wait"), "Wait until a run is over; an interrupt cancels it.", (_LATEST,), Run, training="follows"),
)
