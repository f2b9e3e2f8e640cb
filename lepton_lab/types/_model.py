"""Models and their training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lepton_lab.display import Shown, Table, duration, size

RUN_STATES = ("starting", "running", "restarting", "stopping", "converting", "done", "failed", "cancelled")
"""The states of a training run; the last three are final."""
FINAL_STATES = RUN_STATES[-3:]
MOST_EPOCHS = 20
"""That are shown of a run: the first ones and the last ones."""


ModelFormat = Literal["keras", "tflite", "onnx", "saved_model"]
"""What a model's file can be; only a `keras` one can be trained."""
MADE_AGAIN = "made again in tf_keras from Keras 3"
"""How the note of a model begins that was Keras 3's."""
ModelLibrary = Literal["tf_keras", "keras"]
"""What a `keras` file is a model of: `keras` is Keras 3."""


@dataclass(frozen=True)
class Measure:
    """What a model costs and is worth, measured on the `.tflite` file to be shipped, or else on the `.keras` file."""

    accuracy: float | None
    """Share of right classes or labels (for numbers, the mean absolute error) on `split`; None without rows to try. Of
    several targets that of the first."""
    raw_bytes: int
    """Of the file."""
    gzip_bytes: int
    """Of the same file after gzip at level 9."""
    latency: float
    """Median seconds for one row; on how many threads and by which delegate says `runs_by`."""
    split: str = "test"
    metric: str = "accuracy"
    """What `accuracy` is: Keras's name, which begins with the target's where there are several: `kind_accuracy`."""
    memory: int | None = None
    """Bytes resident of a process that has LiteRT, NumPy and the file, and has run it; None where it wasn't
    measured."""
    runs_by: str = "one CPU thread, LiteRT with XNNPACK"
    dataset: str = ""
    """Whose `split` it was measured on."""

    @property
    def is_error(self) -> bool:
        """Whether less of `accuracy` is better."""
        return self.metric.endswith("mae")


@dataclass(frozen=True)
class Version:
    """What a model was before it was made anew: `net@3`."""

    number: int
    stage: str
    metrics: Mapping[str, float]
    made_by: str
    """The `%lepton` line that made it."""
    num_bytes: int
    """Of all its files; some may be another version's as well."""


@dataclass(frozen=True)
class Model(Shown):
    """A model of the lab at one stage of its life. Stages are immutable: each result is a new model with a parent.

    `folder` holds `model.keras` (weights as they are now), or the model in another format, as
    `model.tflite`, `model.onnx` or the folder `model.saved_model`; `initial.keras` (weights before
    training) where it can be trained; and this record as `model.json`.
    """

    name: str
    folder: Path
    kind: str
    """`mlp`, `cnn`, `builder` (from a cell), or `added` (a Keras model or file brought in)."""
    stage: str
    """`new`, `trained`, or what a compression made of it: one of `lepton_lab.compress.STAGES`."""
    format: ModelFormat
    input_shape: tuple[int, ...]
    """Shape of one row; () where there are several inputs."""
    output_shape: tuple[int, ...]
    """Shape of the answer to one row; () where there are several outputs."""
    num_parameters: int
    parent: str | None = None
    """The model that this one was made from."""
    parent_sha256: str = ""
    """Of the parent's file as it was then: the parent may have been made anew since."""
    made_by: str = ""
    """The `%lepton` line that made it."""
    earlier: tuple[str, ...] = ()
    """The lines before that which made its parents, the oldest first."""
    dataset: str | None = None
    """The data set it was last trained or calibrated on."""
    classes: tuple[str, ...] = ()
    """Names of the classes, or labels, of the data set that it was made for or last trained on, in the order of its
    answers."""
    columns: tuple[str, ...] = ()
    """Names of that data set's columns, in the order in which it takes them; empty where they had none."""
    target: str = ""
    """What that data set's target was called; with commas between, where it was several columns."""
    target_classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The same as `classes` for each of several targets, by name."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """On the split that is reported: `"test_accuracy"`, `"test_loss"`."""
    answers: Mapping[str, str] = field(default_factory=dict)
    """What each output answers with, by its name (of a single one ""): `probabilities`, `logits`, or `numbers` of any
    size, which stand for logits where the target is classes or labels; an output is left out where that isn't known."""
    compiled: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The loss, its weights, the optimizer and the metrics that its user compiled it with, as plain values; what is of
    their own is sealed. Empty where it wasn't compiled."""
    mark: str = field(default="", repr=False)
    """Of the notebook's Keras model that it was brought in from: another one once that has changed."""
    code: Path | None = None
    """The file in `folder` with layers and functions of one's own, if there is one and this user wrote it."""
    notes: tuple[str, ...] = ()
    """What was worth a word when it was made, such as what became of a model that was brought in."""
    library: ModelLibrary = "tf_keras"
    """Whose model it is, where the format is `keras`: Keras 3's own only where it has no equal in tf_keras."""
    outside: Path | None = None
    """The file, where it is no model of the lab: an exported one, say, that is to be evaluated."""
    version: int = 1
    """Counts how often a model of this name was made anew after it had learnt something."""
    versions: tuple[Version, ...] = field(default=(), repr=False, compare=False)
    """The earlier ones that are still there, the oldest first, where `show` was asked for the model as it is now."""

    @property
    def was_keras3(self) -> bool:
        """Whether it is tf_keras's equal of a model of Keras 3 that was brought in."""
        return any(note.startswith(MADE_AGAIN) for note in self.notes)

    @property
    def file(self) -> Path:
        """The file that holds the model as it is now; a folder for a SavedModel."""
        return self.outside or self.folder / f"model.{self.format}"

    def table(self) -> Table:
        rows: list[tuple[str, object]] = [
            ("kind", self.kind),
            ("stage", self.stage),
            ("format", "keras (Keras 3)" if (self.format, self.library) == ("keras", "keras") else self.format),
            ("input", self.input_shape),
            ("output", self.output_shape),
            ("parameters", f"{self.num_parameters:,}"),
        ]
        said = [f"{name}: {what}" if name else what for name, what in self.answers.items()]
        rows += [("answers with", ", ".join(said))] if said else []
        rows += [("from", self.parent)] if self.parent else []
        rows += [("data", self.dataset)] if self.dataset else []
        rows += [("version", self.version)] if self.version > 1 else []
        rows += [(name, f"{value:.4f}") for name, value in self.metrics.items()]
        for one in self.versions:
            facts = ", ".join([one.stage, *(f"{name} {value:.4f}" for name, value in one.metrics.items())])
            line = f": {one.made_by}" if one.made_by else ""
            rows.append((f"{self.name}@{one.number}", f"{facts}, {size(one.num_bytes)}{line}"))
        notes = [line for line in (*self.notes, *self.earlier, self.made_by) if line]
        return Table(f"Model {self.name}", (), rows, notes=notes)


@dataclass(frozen=True)
class Run(Shown):
    """A training run as it stood when this value was made."""

    id: str
    model: str
    dataset: str
    state: str
    """One of `RUN_STATES`."""
    folder: Path
    """Holds `run.json`, `events.jsonl` (all that happened, the metrics over time among it), `checkpoints`,
    TensorBoard's logs in `tensorboard`, and what the ranks printed."""
    epochs: int
    batch_size: int
    """Rows in a step, over all workers together."""
    strategy: str
    """Of the ranks as they are now."""
    workers: tuple[str, ...]
    """Names of the workers that it runs on, by rank."""
    started: float
    """Seconds since the epoch."""
    seconds: float = 0.0
    """How long it has run."""
    history: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """As Keras's `History.history`: one number an epoch."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """On the test split, after the last epoch."""
    error: str = ""
    """The earliest cause, where the run failed."""
    traceback: str = field(default="", repr=False)
    """The user's own, where the user's code failed."""
    notes: tuple[str, ...] = ()
    """What was worth a word: restarts, stragglers, what `auto` measured."""
    restarts: int = 0
    """How often the ranks had to start again after a failure."""
    layers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Where a compression trained: each layer, and what was done to it."""
    cluster: str = ""
    """The cluster's name."""

    @property
    def is_over(self) -> bool:
        """Whether the state is final."""
        return self.state in FINAL_STATES

    def table(self) -> Table:
        names = sorted((name for name in self.history if name not in ("seconds", "examples")), key=_reading_order)
        rows: list[tuple[object, ...]] = [
            (
                epoch + 1,
                *(f"{self.history[name][epoch]:.4f}" for name in names),
                f"{self.history['examples'][epoch] / max(self.history['seconds'][epoch], 1e-9):,.0f}",
            )
            for epoch in range(len(self.history.get("seconds", ())))
        ]
        if len(rows) > MOST_EPOCHS:
            rows[MOST_EPOCHS // 2 : -MOST_EPOCHS // 2] = [("...",) * (len(names) + 2)]
        where = f" on {', '.join(self.workers)}" if self.workers else ""
        notes = [f"{self.strategy}{where}; batch {self.batch_size}; {duration(self.seconds)}"]
        notes += self.notes[-5:]
        if self.metrics:
            notes.append("test split: " + ", ".join(f"{k} {v:.4f}" for k, v in self.metrics.items()))
        if self.error:
            notes.append(self.error)
        return Table(
            f"Run {self.id}: {self.model} on {self.dataset}, {self.state}",
            ("epoch", *names, "examples/s"),
            rows,
            notes=notes,
        )


def _reading_order(name: str) -> tuple[bool, bool, bool, str]:
    """Loss and metrics, the same on the rows held out, then the rest."""
    plain = name.removeprefix("val_")
    return (plain == "learning_rate", plain != name, plain != "loss", plain)
