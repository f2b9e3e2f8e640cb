"""`lab.compress`: check, make the smaller model by a run or by a stage's function, measure, remember."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lepton_lab.compress import TECHNIQUES
from lepton_lab.errors import InputError
from lepton_lab.files import checksum, scratch
from lepton_lab.lab._code import copy_code
from lepton_lab.lab._lines import line_of
from lepton_lab.lab._training import Training, prepare, unpacked
from lepton_lab.lab._versions import stem_of
from lepton_lab.lab._workspace import check_name
from lepton_lab.runtime import PROBABILITIES, fitted, listed
from lepton_lab.types import CompressedModel, Dataset, Model, Preflight

if TYPE_CHECKING:
    from lepton_lab.lab._lab import Lab

_OF_TRAINING = ("epochs", "batch_size", "learning_rate", "workers", "seed")


@dataclass(frozen=True)
class Compression:
    """What is to be made of a model, and how."""

    source: Model
    dataset: Dataset
    technique: str
    own: Mapping[str, Any]
    """The technique's own settings."""
    training: Mapping[str, Any]
    """How it is trained, where it is; else the seed alone."""
    result: Model
    """The new model's record, but for what only its making shows."""

    @property
    def trains(self) -> bool:
        """Whether it takes a run on the cluster."""
        return bool(TECHNIQUES[self.technique].HOOK)


def compress(
    lab: Lab, source: Model, dataset: Dataset, technique: str, settings: Mapping[str, Any]
) -> CompressedModel | Preflight:
    """See `Lab.compress`."""
    planned = plan(lab, source, dataset, technique, settings)
    if planned.trains and not settings["dry_run"]:
        lab.cluster.handle  # noqa: B018  # says what to do where there is none
    told = preflight(lab, planned)
    return told if settings["dry_run"] else make(lab, planned, told)


def plan(lab: Lab, source: Model, dataset: Dataset, technique: str, settings: Mapping[str, Any]) -> Compression:
    """All that can be checked without loading the model.

    Raises
    ------
    InputError
        Says what can't be.
    """
    fitted(source, dataset)
    if source.stage == "new" and source.kind != "added":
        raise InputError(
            f"The model {source.name!r} has not been trained: %lepton train {source.name} --data {dataset.name}."
        )
    chosen = TECHNIQUES[technique]
    own = {key: settings[key] for key in chosen.SETTINGS}
    chosen.check(own)
    title = chosen.title(own)
    name = check_name("model", settings["name"] or f"{stem_of(source.name)}-{title}")
    if name in lab.model.names() and lab.model.show(name).parent != source.name:
        raise InputError(
            f"The name {name!r} belongs to a model that was not made from {source.name!r}: give another --name."
        )
    lab.run.check_unused("model", name)
    training = {key: settings[key] for key in (_OF_TRAINING if chosen.HOOK else ("seed",))}
    options = {**own, "data": dataset.name, **training, "name": settings["name"]}
    result = replace(
        source,
        name=name,
        stage=title,
        dataset=dataset.name,
        metrics={},
        parent=source.name,
        parent_sha256=checksum(source.file),
        made_by=line_of(lab.compress, ("compress", source.name, technique), options),
        earlier=(*source.earlier, *filter(None, [source.made_by])),
    )
    return Compression(source, dataset, technique, own, training, result)


def preflight(lab: Lab, planned: Compression) -> Preflight:
    """What would be done to each layer; raises ConversionError where that is nothing."""
    arguments = {
        "model": planned.source,
        "technique": planned.technique,
        "settings": planned.own,
        "dataset": planned.dataset,
    }
    told: Preflight = lab.call("lepton_lab.compress:preflight", arguments)
    return told


def make(lab: Lab, planned: Compression, told: Preflight, only: tuple[str, ...] = ()) -> CompressedModel:
    """Make the new model, as `preflight` has told; `only` names the workers to use."""
    return _train(lab, planned, told, only) if planned.trains else _quantize(lab, planned)


def _train(lab: Lab, planned: Compression, told: Preflight, only: tuple[str, ...]) -> CompressedModel:
    """Make the new model by a run."""
    source, dataset, result = planned.source, planned.dataset, planned.result
    technique, is_taught = TECHNIQUES[planned.technique], planned.technique == "distill"
    given = planned.training["learning_rate"]
    rate = technique.LEARNING_RATE if given is None else given
    with _student(lab, planned) if is_taught else _itself(source) as learner:
        compiled = unpacked(learner.compiled)
        training = Training(
            **{**planned.training, "learning_rate": rate},
            only=only,
            strategy="single" if only or source.library == "keras" else "auto",  # its teacher answers in one
            warm_start=not is_taught,
            **{key: compiled[key] for key in ("loss", "loss_weights") if key in compiled},
            technique=planned.technique,
            hook_options=_lesson(planned, learner) if is_taught else {**planned.own, **told.options},
        )
        training.validate(dataset)
        result = replace(result, num_parameters=learner.num_parameters, kind=learner.kind, library=learner.library)
        if planned.technique == "qat":
            result = replace(result, format="tflite")
        # Training it on would start from the changed weights, so these are its first ones.
        order = prepare(lab, training, learner, dataset, result, initial="model.keras")
    run = lab.run.finish(lab.run.launch(order).id)
    arguments = {"before": source, "after": lab.model.show(result.name), "dataset": dataset}
    compared: CompressedModel = lab.call("lepton_lab.compress:compare", arguments)
    lab.model.keep_measures(compared)
    return replace(compared, layers=run.layers)


@contextmanager
def _itself(source: Model) -> Iterator[Model]:
    yield source


@contextmanager
def _student(lab: Lab, planned: Compression) -> Iterator[Model]:
    """The model that learns, with the teacher's name: the run is the teacher's."""
    teacher, own = planned.source, planned.own
    if own["student"]:
        student = lab.model.show(own["student"])
        if student.format != "keras":
            raise InputError(f"The student {student.name!r} is {student.stage} and can't be trained: name another.")
        fitted(student, planned.dataset)
        if student.columns and teacher.columns and student.columns != teacher.columns:
            raise InputError(
                f"The student {student.name!r} takes the columns {listed(student.columns)}, but {teacher.name!r} takes "
                f"{listed(teacher.columns)}: make the student for {teacher.dataset!r}."
            )
        yield replace(student, name=teacher.name)
        return
    with scratch(lab.workspace.path("models")) as folder:
        copy_code(teacher.folder, folder)
        arguments = {
            "teacher": teacher.file,
            "folder": folder,
            "width": own["width"],
            "code": teacher.code,
            "seed": planned.training["seed"],
        }
        num_parameters: int = lab.call("lepton_lab.compress:make_student", arguments)
        code = folder / teacher.code.name if teacher.code else None
        yield replace(teacher, folder=folder, code=code, num_parameters=num_parameters)


def _lesson(planned: Compression, student: Model) -> dict[str, Any]:
    """What the student's training has to know of its teacher."""
    teacher, dataset = planned.source, fitted(planned.source, planned.dataset)
    kinds = {name: target.kind for name, target in (dataset.targets or {"": dataset.target}).items()}
    return {
        "teacher": str(teacher.file),
        "sha256": planned.result.parent_sha256,
        "code": str(teacher.code) if teacher.code else None,
        "temperature": planned.own["temperature"],
        "alpha": planned.own["alpha"],
        "kinds": kinds,
        "logits": {
            who: [name for name in kinds if model.answers.get(name, PROBABILITIES) != PROBABILITIES]
            for who, model in (("teacher", teacher), ("student", student))
        },
    }


def _quantize(lab: Lab, planned: Compression) -> CompressedModel:
    """Make the new model by one function."""
    with lab.workspace.replacing_model(planned.result.name) as save:
        arguments = {
            "model": planned.source,
            "result": replace(planned.result, folder=save.folder, format="tflite"),
            "dataset": planned.dataset,
            **planned.own,
            **planned.training,
        }
        compared: CompressedModel = lab.call("lepton_lab.compress:quantize", arguments)
        copy_code(planned.source.folder, save.folder)
        model = save(compared.model)
    compared = replace(compared, model=model)
    lab.model.keep_measures(compared)  # which tells of the new name
    return compared
