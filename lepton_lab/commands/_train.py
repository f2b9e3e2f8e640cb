"""`%lepton train`, `runs` and `run ...`."""

from lepton_lab.commands._spec import Parameter, Verb, When
from lepton_lab.commands._types import Choice, Flag, Integer, Name, Number, Part, Text
from lepton_lab.train import AUGMENTATIONS, KINDS, PRECISIONS, STRATEGIES
from lepton_lab.types import Listing, Run

_OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop", "adagrad", "nadam", "lion", "SGD(momentum=0.9)")
_RATES = ("CosineDecay(0.001,1000)", "ExponentialDecay(0.001,1000,0.9)")
_LOSSES = ("auto", "sparse_categorical_crossentropy", "binary_crossentropy", "mse", "mae", "huber")
_METRICS = ("auc", "precision", "recall", "TopKCategoricalAccuracy(k=5)", "mse", "mape")
_CALLBACKS = (
    "EarlyStopping(patience=3,restore_best_weights=True)",
    "ReduceLROnPlateau(patience=2)",
    "TerminateOnNaN",
)
_STRATEGIES = {
    "auto": "the fastest of single and multiworker, measured",
    "single": "one process with all cores of a machine",
    "multiworker": "a process on each worker, gradients summed at every step",
    "mirrored": "one process with all devices of a machine",
    "averaging": "each worker learns by itself, weights averaged every few steps: another algorithm",
    "tpu": "one process on a machine with TPUs",
}
_AVERAGING = When("strategy", ("averaging",))
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
            Parameter(
                "optimizer",
                Part(_OPTIMIZERS),
                "by Keras's name; that of the model's compile, else adam, if left out",
                None,
            ),
            Parameter(
                "learning_rate", Part(_RATES, number=Number(0, open=True)), "the optimizer's own if left out", None
            ),
            Parameter(
                "loss",
                Part(_LOSSES),
                "by Keras's name; that of the model's compile, else by the target (auto), if left out",
                None,
                is_rare=True,
            ),
            Parameter(
                "metrics",
                Part(_METRICS, several=True),
                "what else to report, with commas between; as compiled if left out",
                None,
                is_rare=True,
            ),
            Parameter("callbacks", Part(_CALLBACKS, several=True), "asked at each epoch's end", None, is_rare=True),
            Parameter("validation", Number(0, 1), "how much of the training rows to hold out", 0.0, unit="share"),
            Parameter(
                "class_weight", Part(("balanced",)), "or weights by class, such as cat=2,dog=0.5", None, is_rare=True
            ),
            Parameter(
                "augment",
                Text(AUGMENTATIONS, several=True),
                "how pictures are changed, with commas between",
                None,
                is_rare=True,
            ),
            Parameter("workers", Integer(1), "how many to use; all if left out", None, unit="workers"),
            Parameter("strategy", Choice(STRATEGIES, _STRATEGIES), "how the work is laid out", "auto"),
            Parameter(
                "warm_start",
                Flag(),
                "go on from the trained weights, as Keras's fit does, instead of the first ones",
                False,
                is_rare=True,
            ),
            Parameter("seed", Integer(0), "of the rows' order and of all that is random in the model", 0, is_rare=True),
            Parameter("background", Flag(), "return at once", False, is_rare=True),
            Parameter(
                "precision", Choice(PRECISIONS), "in what to compute; weights are float32", "float32", is_rare=True
            ),
            Parameter(
                "clip_norm", Number(0, open=True), "what the norm of all gradients is held below", None, is_rare=True
            ),
            Parameter(
                "accumulate",
                Integer(1),
                "how many parts a step is cut into, for less memory",
                1,
                unit="parts",
                is_rare=True,
            ),
            Parameter(
                "every", Integer(1), "steps between two averages", 16, when=_AVERAGING, unit="steps", is_rare=True
            ),
            Parameter(
                "checkpoint_seconds",
                Number(0, open=True),
                "how often a checkpoint is written",
                10.0,
                unit="seconds",
                is_rare=True,
            ),
            Parameter("keep", Integer(1), "how many checkpoints stay", 3, unit="checkpoints", is_rare=True),
            Parameter(
                "max_failures", Integer(0), "failures in a row after which to give up", 3, unit="failures", is_rare=True
            ),
        ),
        Run,
        training="starts",
    ),
    Verb(("runs",), "All training runs, the latest first.", (), Listing),
    Verb(("run", "show"), "A run as it stands now.", (Parameter("id", Name("run"), "the run", positional=True),), Run),
    Verb(("run", "stop"), "End a run as cancelled; workers stay.", (_LATEST,), Run),
    Verb(("run", "background"), "Have the cell that waits for a run wait no longer; the run goes on.", (_LATEST,), Run),
    Verb(
        ("run", "resume"),
        "Go on with a run that was cancelled or failed, from its last checkpoint.",
        (
            Parameter("id", Name("run"), "the run; the latest such if left out", None, positional=True),
            Parameter("background", Flag(), "return at once", False),
        ),
        Run,
        training="follows",
    ),
    Verb(
        ("run", "drop"),
        "Remove a run that is over, with its checkpoints and logs.",
        (Parameter("id", Name("run"), "the run", positional=True),),
        Listing,
    ),
    Verb(("run", "wait"), "Wait until a run is over; an interrupt cancels it.", (_LATEST,), Run, training="follows"),
)
