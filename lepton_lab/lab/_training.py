"""From what was asked of a training run to the order that its controller gets."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton_lab.compress import TECHNIQUES
from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.files import checksum, copy
from lepton_lab.lab._code import code_in, copy_code
from lepton_lab.lab._seal import read_sealed, seal, unseal, write_sealed
from lepton_lab.lab._workspace import INITIAL, START, model_from_record, record_of
from lepton_lab.runtime import arranged, check_fits, names_of
from lepton_lab.train import (
    AUGMENTATIONS,
    EAGER,
    PRECISIONS,
    STRATEGIES,
    Job,
    describe,
    describe_all,
    layouts,
    missing_in,
    name_of,
    of_one_kind,
    told,
)
from lepton_lab.types import Dataset, Model, Run

if TYPE_CHECKING:
    from lepton_lab.lab._lab import Lab
    from lepton_lab.train import Order
    from lepton_lab.train._check import Checked

SETTINGS = "settings.json"
"""In a run's folder: what it takes to go on with it."""


@dataclass(frozen=True)
class Training:
    """The settings of a run; see `Lab.train`."""

    epochs: int
    batch_size: int
    learning_rate: Any = None
    optimizer: Any = "adam"
    loss: Any = "auto"
    loss_weights: Mapping[str, float] = field(default_factory=dict)
    metrics: Any = ()
    """For every output, or by the output's name; as are the next ones."""
    weighted_metrics: Any = ()
    callbacks: tuple[Any, ...] = ()
    validation: float = 0.0
    class_weight: Any = None
    workers: int | None = None
    only: tuple[str, ...] = ()
    """Names of the workers to use, where not all; see `Order`."""
    strategy: str = "auto"
    every: int = 16
    precision: str = "float32"
    clip_norm: float | None = None
    accumulate: int = 1
    augment: tuple[str, ...] = ()
    seed: int = 0
    warm_start: bool = False
    checkpoint_seconds: float = 10.0
    keep: int = 3
    max_failures: int = 3
    technique: str | None = None
    """Of `TECHNIQUES`: by whose hook the training is changed."""
    hook_options: Mapping[str, Any] = field(default_factory=dict)
    origin: str = ""
    """Which settings are from the model's compile and which were given, for a person; empty where nothing is."""

    @classmethod
    def from_given(cls, given: Mapping[str, Any], compiled: Mapping[str, Any] | None = None) -> Training:
        """The settings as a user gives them, names, texts and objects among them, made plain.

        Parameters
        ----------
        given
            None for an optimizer, a loss or metrics that are not given.
        compiled
            What the model was compiled with (`Model.compiled`), which stands for what is not given.

        Raises
        ------
        InputError
            If something is no part of a training.
        """
        rate = given["learning_rate"]
        parts = {
            "optimizer": None if given["optimizer"] is None else describe("optimizer", given["optimizer"]),
            "learning_rate": None if rate is None else describe("learning rate", rate),
            "loss": None if given["loss"] is None else _losses(given["loss"]),
            "metrics": None if given["metrics"] is None else describe_all("metric", given["metrics"]),
        }
        others = {
            "callbacks": describe_all("callback", given["callbacks"]),
            "class_weight": plain_class_weight(given["class_weight"]),
            "augment": _words(given["augment"]),
        }
        return cls(**{**given, **others, **_with_compiled(parts, unpacked(compiled or {}))})

    def validate(self, dataset: Dataset) -> None:
        """Refuse settings that can't be used.

        Raises
        ------
        InputError
            Says which.
        """
        for name in ("epochs", "batch_size", "workers", "every", "accumulate", "keep"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{_option(name)} is {value}, but must be at least 1.")
        for name in ("learning_rate", "clip_norm", "checkpoint_seconds"):
            value = getattr(self, name)
            if isinstance(value, int | float) and not value > 0:
                raise InputError(f"{_option(name)} is {value:g}, but must be greater than 0.")
        if self.max_failures < 0:
            raise InputError(f"--max-failures is {self.max_failures}, but must be at least 0.")
        if not 0 <= self.validation < 1:
            raise InputError(f"--validation is {self.validation:g}, but must be a share from 0 to below 1.")
        if self.strategy not in STRATEGIES:
            raise UnknownNameError("strategy", self.strategy, STRATEGIES)
        if self.precision not in PRECISIONS:
            raise UnknownNameError("precision", self.precision, PRECISIONS)
        if self.technique and self.strategy == "averaging":
            raise InputError("Compressing needs all ranks to hold the same weights: take another strategy.")
        from lepton_lab.train._augment import check

        check(self.augment, dataset.is_image)
        class_weights(self.class_weight, dataset)
        if self.validation and dataset.splits["train"] < 2:
            raise InputError("--validation needs at least 2 training rows.")

    def to_plain(self) -> dict[str, Any]:
        """As values for a JSON file; what is pickled is sealed."""
        return {name: packed(value) for name, value in vars(self).items()}

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> Training:
        """The settings again."""
        plain = {name: unpacked(value) for name, value in values.items()}
        for name in ("metrics", "weighted_metrics", "callbacks", "augment", "only"):
            plain[name] = tuple(value) if isinstance(value := plain.get(name, ()), list) else value
        return cls(**plain)


def _with_compiled(given: Mapping[str, Any], compiled: Mapping[str, Any]) -> dict[str, Any]:
    """The optimizer, its learning rate, the loss and the metrics: those that are given, else those of the compile."""
    settings = {name: value for name, value in given.items() if value is not None}
    taken: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in compiled.items()
        if name not in settings and name != EAGER
    }
    if "optimizer" in settings:
        taken.pop("learning_rate", None)
    if "metrics" in settings:
        taken.pop("weighted_metrics", None)
    if "loss" in settings and "loss" not in compiled:
        taken.pop("loss_weights", None)  # by which a model learnt by add_loss alone
    for name, option in (("optimizer", "--optimizer"), ("loss", "--loss"), ("metrics", "--metrics")):
        if lost := missing_in(taken.get(name)):
            raise InputError(
                f"The model was compiled with {lost}, code of its maker's that its file doesn't hold: give {option}."
            )
    from_line = [f"{name} {told(value)}" for name, value in settings.items() if name in compiled or taken]
    from_compile = [f"{name} {told(value)}" for name, value in taken.items() if name != "loss_weights"]
    if "loss_weights" in taken:
        weights = ", ".join(
            f"{name}: {value:g}" if name else f"{value:g}" for name, value in taken["loss_weights"].items()
        )
        adds_alone = "loss" not in compiled and not any(taken["loss_weights"].values())
        from_compile.append("no loss but that of add_loss" if adds_alone else f"loss_weights {weights}")
    said = [f"From the model's compile: {'; '.join(from_compile)}."] if from_compile else []
    said += [f"As given: {'; '.join(from_line)}."] if from_line and compiled else []
    said += ["Steps run as graphs here, though it was compiled with run_eagerly=True."] if EAGER in compiled else []
    defaults = {"optimizer": "adam", "loss": "auto", "metrics": ()}
    return {"learning_rate": None, **defaults, **taken, **settings, "origin": " ".join(said)}


def _words(augment: Any) -> tuple[str, ...]:
    """What is done to pictures, given as a text with commas between or as several texts."""
    words = augment.split(",") if isinstance(augment, str) else augment or ()
    if not isinstance(words, list | tuple | set) or not all(isinstance(word, str) for word in words):
        raise InputError(f"--augment is {augment!r:.60}, expected some of {', '.join(AUGMENTATIONS)}.")
    return tuple(words)


def _losses(loss: Any) -> Any:
    """A loss for the whole model, or one for each output by its name."""
    if isinstance(loss, Mapping) and "class_name" not in loss:
        return {str(name): describe("loss", part) for name, part in loss.items()}
    return describe("loss", loss)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def packed(value: Any) -> Any:
    """Parts as values for a JSON file; what is pickled is sealed."""
    if isinstance(value, bytes):
        return {"sealed": seal(value)}
    if isinstance(value, Mapping):
        return {key: packed(item) for key, item in value.items()}
    return [packed(item) for item in value] if isinstance(value, list | tuple) else value


def unpacked(value: Any) -> Any:
    """Parts from such values again."""
    if isinstance(value, Mapping):
        if set(value) == {"sealed"}:
            return unseal(value["sealed"])
        return {key: unpacked(item) for key, item in value.items()}
    return [unpacked(item) for item in value] if isinstance(value, list) else value


def prepare(
    lab: Lab,
    training: Training,
    source: Model,
    dataset: Dataset,
    result: Model,
    initial: str = INITIAL,
    notes: tuple[str, ...] = (),
) -> Order:
    """Check what can only be checked now, and give the run a folder with all that it needs.

    Parameters
    ----------
    source
        The model to train.
    result
        The model that the run makes, as it is filed when it has ended well.
    initial
        The file in the run's folder that becomes the result's `initial.keras`.
    notes
        What is to be said of the run.

    Raises
    ------
    InputError
        Before anything is written.
    """
    training, suited = _suited(training, source)
    check_workers(lab, training)
    check_devices(lab, training)
    file = source.file if training.warm_start else source.folder / INITIAL
    job = _job(lab, training, "check", dataset, source.folder, file, result)
    checked: Checked = lab.call("lepton_lab.train._check:check", {"job": job})
    result = dataclasses.replace(result, answers=checked.answers)
    name = lab.workspace.claim_run(result.name)
    folder = lab.workspace.path("runs", name)
    for original, copy_name in ((source.folder / INITIAL, INITIAL), (file, START)):
        copy(original, folder / copy_name)  # the run has its own: the model may be made anew meanwhile
    copy_code(source.folder, folder)
    settings = {"training": training.to_plain(), "result": record_of(result), "initial": initial}
    files = {file: checksum(folder / file) for file in (INITIAL, START)}
    write_sealed(folder / SETTINGS, {**settings, "run": name, "files": files, "working_folder": str(Path.cwd())})
    run = Run(
        id=name,
        model=source.name,
        dataset=dataset.name,
        state="starting",
        folder=folder,
        epochs=training.epochs,
        batch_size=training.batch_size,
        strategy=training.strategy,
        workers=(),
        started=time.time(),
        notes=(*notes, *filter(None, [training.origin]), *suited, *job.dataset.arrangement.notes, *checked.notes),
    )
    return order_for(lab, run)


def _suited(training: Training, source: Model) -> tuple[Training, tuple[str, ...]]:
    """The settings that suit the model's library, and what to tell of it.

    Raises
    ------
    InputError
        If the strategy doesn't.
    """
    if source.was_keras3 and "ModelCheckpoint" in map(name_of, training.callbacks):
        return training, (
            "ModelCheckpoint writes files of tf_keras, which tf_keras.models.load_model reads and Keras 3 doesn't; the "
            f"run's last weights go into a Keras 3 model by set_weights(lab.model.weights({source.name!r})).",
        )
    if source.library != "keras" or training.strategy == "single":
        return training, ()
    if training.strategy != "auto":
        raise InputError(
            f"The model {source.name!r} is one of Keras 3, which trains with --strategy single only, not with "
            f"{training.strategy}: leave --strategy out."
        )
    note = "auto takes single: the model is one of Keras 3, which trains in one process."
    return dataclasses.replace(training, strategy="single"), (note,)


def names_after(model: Model, dataset: Dataset, warm_start: bool) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The names that a model will know when it has been trained on a data set, and what is to be said beforehand.

    What starts from its first weights has learnt no names yet, so that it takes the data set's where it has others.

    Raises
    ------
    InputError
        If rows or target don't fit the model, or, where it goes on from what it has learnt, the names.
    """
    try:
        found = arranged(model, dataset)
        notes: tuple[str, ...] = ()
    except InputError:
        check_fits(model, dataset)
        if warm_start:
            raise
        found = dataset
        scaled = f"; it scales columns as those of {model.dataset!r}, for which it was made" if model.columns else ""
        notes = (
            f"{model.name} takes the names of columns and classes from {dataset.name!r}, other than before{scaled}",
        )
    check_fits(model, found)
    names = names_of(found)
    return {**names, "columns": found.columns or model.columns}, notes


def order_for(lab: Lab, run: Run) -> Order:
    """The order for a run whose folder is filled, to start it or to go on with it on the cluster that is up.

    Raises
    ------
    InputError
        If the run's files or its data set are not what they were.
    """
    from lepton_lab.train import Order

    settings = settings_of(run)
    training = Training.from_plain(settings["training"])
    dataset = lab.data.get(run.dataset)
    result = model_from_record(settings["result"], lab.workspace.path("models", settings["result"]["name"]))
    job = _job(lab, training, run.id, dataset, run.folder, run.folder / START, result)
    job = dataclasses.replace(job, working_folder=Path(settings["working_folder"]))
    handle = lab.cluster.handle
    return Order(
        job=job,
        run=dataclasses.replace(
            run,
            state="starting",
            error="",
            traceback="",
            started=time.time() - run.seconds,  # the time in between doesn't count
            cluster=handle.name,
        ),
        strategy=training.strategy,
        workers=training.workers,
        only=training.only,
        cluster=handle.how_to_attach(lab.workspace.path("cluster")),
        deliver="lepton_lab.lab._deliver:deliver",
        delivery={"workspace": lab.workspace.folder, "result": result, "initial": settings["initial"]},
    )


def check_files(run: Run) -> None:
    """Refuse to go on from other models than a run began with.

    Raises
    ------
    InputError
        Says which file is another, or as `settings_of`.
    """
    for name, digest in settings_of(run)["files"].items():
        if not (run.folder / name).is_file() or checksum(run.folder / name) != digest:
            raise InputError(
                f"The run {run.id} can't be gone on with: its {name} isn't the one that it began with. Train "
                f"{run.model!r} again."
            )


def settings_of(run: Run) -> dict[str, Any]:
    """What a run was started from, if this user started it on this machine: it may make any code run.

    Raises
    ------
    InputError
        If it can't be read, or somebody else wrote or changed it.
    """
    try:
        settings = read_sealed(run.folder / SETTINGS)
        owner = _owner(run.folder / SETTINGS)
    except (OSError, ValueError) as error:
        raise InputError(f"The run {run.id} can't be gone on with: its {SETTINGS} can't be read ({error}).") from None
    if settings is None or settings["run"] != run.folder.name:
        raise InputError(
            f"The run {run.id} isn't gone on with, for its settings could make any code run: they were written by "
            f"somebody else, on another machine, or changed since (the file is {owner}'s). Train {run.model!r} again."
        )
    return settings


def _owner(file: Path) -> str:
    try:
        return file.owner()
    except KeyError:  # of another machine
        return f"user {file.stat().st_uid}"


def _job(
    lab: Lab, training: Training, name: str, dataset: Dataset, folder: Path, model_file: Path, result: Model
) -> Job:
    fields = {f.name for f in dataclasses.fields(Job)} & {f.name for f in dataclasses.fields(Training)}
    settings = {name: getattr(training, name) for name in fields if name != "class_weight"}
    shards = lab.data.shards_for_training(dataset)
    # the result may not be there yet, so its inputs are those of the file that is trained
    dataset = arranged(dataclasses.replace(result, outside=model_file, format="keras"), dataset)
    return Job(
        run=name,
        folder=folder,
        model_file=model_file,
        output=folder / result.file.name,
        shards=shards,
        dataset=dataset,
        code=code_in(folder),
        was_keras3=result.was_keras3,
        answers=result.answers,
        class_weight=class_weights(training.class_weight, dataset),
        hook=TECHNIQUES[training.technique].HOOK if training.technique else None,
        **settings,
    )


def plain_class_weight(given: Any) -> Any:
    """What was given as weights of classes: None, `"balanced"`, or weights by the class's name or number as text.

    Raises
    ------
    InputError
        If it is neither that nor a text such as `cat=2,dog=0.5`.
    """
    if given is None or given == "balanced":
        return given
    pairs = [part.partition("=")[::2] for part in given.split(",")] if isinstance(given, str) else given
    try:
        return {str(key).strip(): float(weight) for key, weight in dict(pairs).items()}
    except (TypeError, ValueError):
        raise InputError(
            f"--class-weight is {given!r:.80}: give 'balanced', a dict of weights by class, or a text such as "
            "cat=2,dog=0.5."
        ) from None


def class_weights(given: Any, dataset: Dataset) -> dict[int, float]:
    """How much each class counts, by its number.

    Parameters
    ----------
    given
        What `plain_class_weight` gave; `"balanced"` is rows / (classes * rows of the class), as scikit-learn has it.

    Raises
    ------
    InputError
        If the target has no classes, or there is no such class.
    """
    if given is None:
        return {}
    classes = dataset.target.classes
    if dataset.target.kind != "classes":
        raise InputError(
            f"--class-weight is for classes, but the target {dataset.target.name!r} is {dataset.target.kind}."
        )
    if given == "balanced":
        import numpy as np

        from lepton_lab.data import open_split

        y = dataset.arrangement.targets(open_split(dataset, "train")[1])
        counts = np.bincount(y, minlength=len(classes))
        return {i: float(counts.sum() / (len(counts) * max(int(count), 1))) for i, count in enumerate(counts)}
    weights = {}
    for key, weight in given.items():
        if key not in classes and not (key.isdecimal() and int(key) < len(classes)):
            raise UnknownNameError("class", key, classes)
        if not 0 <= weight < math.inf:
            raise InputError(f"The weight of the class {key!r} is {weight:g}, but must be a number of at least 0.")
        weights[classes.index(key) if key in classes else int(key)] = weight
    return weights


def check_workers(lab: Lab, training: Training) -> None:
    """Refuse a run for which the cluster has too few workers.

    Raises
    ------
    InputError
        Says how to have more.
    """
    workers = lab.cluster.handle.workers()
    lab.workspace.folder.mkdir(parents=True, exist_ok=True)
    sight = lab.cluster.handle.sight(lab.workspace.folder)
    if workers and not sight.seeing:
        raise InputError(f"No worker sees the workspace, which a training run needs: {sight.note}.")
    layouts(training.strategy, sight.seeing or workers, training.workers)
    present = of_one_kind(sight.seeing)
    if training.workers is not None and training.workers > len(present) and sight.blind:
        raise InputError(
            f"--workers is {training.workers}, but {len(present)} of the cluster's {len(workers)} can train here: "
            f"{sight.note}."
        )
    if training.workers is not None and training.workers > len(present):
        others = len(sight.seeing) - len(present)
        which = f" with GPUs beside {others} without, which can't train with them" if others else ""
        raise InputError(
            f"--workers is {training.workers}, but the cluster has {len(present)}{which}: "
            f"%lepton cluster scale {training.workers + others}."
        )


def check_devices(lab: Lab, training: Training) -> None:
    """Refuse a strategy or a precision for which the cluster has no device.

    Raises
    ------
    InputError
        Says what there is.
    """
    if training.strategy != "tpu" and training.precision != "mixed_float16":
        return
    kinds = {device.kind for device in lab.cluster.devices().devices}
    if training.strategy == "tpu" and "tpu" not in kinds:
        raise InputError(
            f"--strategy tpu needs a TPU, but the cluster has {', '.join(sorted(kinds))} only: leave it out."
        )
    if training.precision == "mixed_float16" and "gpu" not in kinds:
        raise InputError("--precision mixed_float16 needs a GPU, but the cluster has none: use mixed_bfloat16.")
