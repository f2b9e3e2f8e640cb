"""Distillation: a smaller model learns from a larger one's answers, and from the labels.

A teacher's probabilities say more of a row than its label does: what else it could be taken for. At a temperature T > 1
the small ones among them are raised, so that there is something to learn from them. The student's loss on a row is (1 -
alpha) times its own loss plus alpha T^2 times the Kullback-Leibler divergence of its softened answer from the teacher's
(Hinton, Vinyals, Dean 2015, https://arxiv.org/abs/1503.02531); for numbers it is the squared difference from the
teacher's numbers instead. A model with several outputs learns each of them so.

The student is any model that takes the same rows; or it is made of the teacher, with each hidden layer narrower.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lepton_lab.compress._base import Plan, Shape
from lepton_lab.compress._hook import Hook
from lepton_lab.errors import ConversionError, InputError
from lepton_lab.files import checksum
from lepton_lab.runtime import answering_layers, cast_inputs, is_keras3, library_of, load_keras
from lepton_lab.types import Dataset

MEANING = "a smaller model learns from the model's answers"
SETTINGS: tuple[str, ...] = ("student", "width", "temperature", "alpha")
HOOK = "lepton_lab.compress._distill:Distillation"
LEARNING_RATE: float | None = None
STAGES: tuple[str, ...] = ("distilled",)

_SIZES = ("units", "filters")
"""Of a layer's config: how wide it is."""
_EPSILON = 1e-7


def check(settings: Mapping[str, Any]) -> None:
    """Raise InputError for settings that can't be used."""
    if not 0 < settings["width"] < 1:
        raise InputError(f"width={settings['width']}: give a share between 0 and 1, such as 0.5 for half as wide.")
    if not settings["temperature"] >= 1:
        raise InputError(f"temperature={settings['temperature']}: give a number of at least 1, such as 4.")
    if not 0 <= settings["alpha"] <= 1:
        raise InputError(f"alpha={settings['alpha']}: give a share from 0 (labels alone) to 1 (the teacher alone).")


def title(settings: Mapping[str, Any]) -> str:
    """The new model's stage."""
    return STAGES[0]


def plan(model: Any, settings: Mapping[str, Any], dataset: Dataset | None = None) -> Plan:
    """For each layer of the teacher its name, and what the student has of it."""
    if settings["student"]:
        return Plan([(layer.name, f"taught to {settings['student']!r}") for layer in model.layers])
    narrow = narrower(model, settings["width"])
    return Plan([(old.name, _fate(old, new)) for old, new in zip(model.layers, narrow.layers, strict=True)])


def shape(before: Shape, settings: Mapping[str, Any]) -> Shape:
    """About what becomes of weights that are so shaped: nothing stays; width counts at both ends of a kernel."""
    return Shape(model=settings["student"]) if settings["student"] else Shape(kept=settings["width"] ** 2)


class Distillation(Hook):
    """Training hook that lets a student learn from a teacher.

    Parameters
    ----------
    teacher
        The `.keras` file of the teacher, with a path that every rank sees.
    sha256
        The file's, as it was when the run was begun.
    code
        As for `load_keras`.
    temperature
        What softens both answers, at least 1; without meaning for numbers.
    alpha
        Share of the teacher in the loss.
    kinds
        `classes`, `labels` or `numbers`, by the output's name; a single output is called "".
    logits
        Names of the outputs that are logits, of `teacher` and `student`.
    """

    is_stepwise = False

    def __init__(
        self,
        teacher: str,
        sha256: str,
        code: str | None,
        temperature: float,
        alpha: float,
        kinds: Mapping[str, str],
        logits: Mapping[str, Sequence[str]],
    ) -> None:
        self._teacher_file, self._sha256, self._code = Path(teacher), sha256, Path(code) if code else None
        self._temperature, self._alpha = temperature, alpha
        self._kinds, self._logits = kinds, logits
        self._teacher: Any = None
        self._layers: list[tuple[str, str]] = []

    def prepare(self, model: Any, total_steps: int) -> Any:
        """Load the teacher; the model to train is `model` itself.

        Raises
        ------
        InputError
            If the teacher is not the one any more that the run was begun with.
        """
        if not self._teacher_file.is_file() or checksum(self._teacher_file) != self._sha256:
            raise InputError(f"The teacher {self._teacher_file} was made anew or dropped meanwhile: distil once more.")
        self._teacher = load_keras(self._teacher_file, self._code)
        self._teacher.trainable = False
        counts = [(layer.name, layer.count_params()) for layer in model.layers]
        self._layers = [(name, f"{count:,} weights" if count else "no weights") for name, count in counts]
        return model

    def losses(self, rows: Any, losses: Mapping[str, Any], answers: Mapping[str, Any]) -> dict[str, Any]:
        """Each row's losses, with the teacher's share in them: each output learns from the teacher's of its name."""
        import tensorflow as tf

        answered = tf.nest.flatten(self._teacher(cast_inputs(self._teacher, rows), training=False))
        names = self._teacher.output_names if len(answered) > 1 else [""]
        taught = {
            name: tf.stop_gradient(tf.cast(answer, tf.float32)) for name, answer in zip(names, answered, strict=True)
        }
        apart = {name: self._apart(name, taught[name], own) for name, own in answers.items()}
        return {name: (1 - self._alpha) * own + self._alpha * apart[name] for name, own in losses.items()}

    def _apart(self, name: str, taught: Any, answers: Any) -> Any:
        """How far an output's answer to each row is from the teacher's, (rows,)."""
        import tensorflow as tf

        if self._kinds[name] == "numbers":
            return tf.reduce_mean(tf.square(tf.reshape(answers - taught, (tf.shape(answers)[0], -1))), axis=1)
        apart = self._divergence(self._as_logits(name, taught, "teacher"), self._as_logits(name, answers, "student"))
        if apart.shape.rank > 1:  # each label, and each position, is a question of its own
            apart = tf.reduce_mean(apart, axis=list(range(1, apart.shape.rank)))
        return apart

    def _as_logits(self, name: str, answers: Any, whose: str) -> Any:
        """Answers as logits of the choices on the last axis: no and yes, where one number says it."""
        import tensorflow as tf

        are_logits = name in self._logits[whose]
        if self._kinds[name] == "labels":
            answers = tf.expand_dims(answers, -1)
        if answers.shape[-1] == 1:
            answers = tf.concat([tf.zeros_like(answers) if are_logits else 1 - answers, answers], -1)
        return answers if are_logits else tf.math.log(tf.maximum(answers, _EPSILON))

    def _divergence(self, taught: Any, answers: Any) -> Any:
        """Of the softened probabilities that logits stand for on the last axis, times the temperature's square."""
        import tensorflow as tf

        logs = [tf.nn.log_softmax(part / self._temperature) for part in (taught, answers)]
        return self._temperature**2 * tf.reduce_sum(tf.exp(logs[0]) * (logs[0] - logs[1]), axis=-1)

    def report(self, model: Any) -> list[tuple[str, str]]:
        """Per layer of the student: how many weights it has."""
        return self._layers


def make_student(teacher: Path, folder: Path, width: float, code: Path | None, seed: int) -> int:
    """Write a narrower model with weights drawn anew to `folder`, as a model that is to be trained.

    Returns
    -------
    The number of its parameters.

    Raises
    ------
    ConversionError
        If no layer of the teacher can be narrower, or the narrower ones don't fit together.
    """
    import tf_keras

    tf_keras.utils.set_random_seed(seed)
    student = narrower(load_keras(teacher, code), width)
    for name in ("initial.keras", "model.keras"):
        student.save(folder / name)
    return int(student.count_params())


def narrower(model: Any, width: float) -> Any:
    """The same layers, all but those that make the answer with fewer units or filters. What isn't trained, such as what
    scales the rows, keeps its width and its weights.

    Raises
    ------
    ConversionError
        As for `make_student`.
    """
    last = _answering(model)

    def narrow(layer: Any) -> Any:
        config = layer.get_config()
        is_kept = layer.name in last or _is_frozen(layer)
        for size in _SIZES:
            if not is_kept and isinstance(config.get(size), int):
                config[size] = max(1, round(config[size] * width))
        return type(layer).from_config(config)

    try:
        narrow_model = library_of(model).models.clone_model(model, clone_function=narrow)
        for old, new in zip(model.layers, narrow_model.layers, strict=True):
            if _is_frozen(old):
                new.set_weights(old.get_weights())
    except (ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ConversionError(
            f"The model's layers don't fit together when they are narrower ({reason}): name a --student instead."
        ) from None
    if narrow_model.count_params() == model.count_params():
        raise ConversionError("No layer of the model can be narrower: name a --student instead.")
    return narrow_model


def _answering(model: Any) -> set[str]:
    """Names of the layers whose width is the answer's: from the last ones back to those that have a width to set."""
    ends = answering_layers(model)
    waiting, found = [layer for layer in model.layers if layer.name in ends], set[str]()
    while waiting:
        layer = waiting.pop()
        found.add(layer.name)
        if not any(size in layer.get_config() for size in _SIZES):
            waiting += _before(layer)
    return found


def _before(layer: Any) -> list[Any]:
    """The layers whose answers a layer takes."""
    if is_keras3(layer):
        return [parent.operation for node in layer._inbound_nodes for parent in node.parent_nodes]
    return [parent.layer for node in layer.inbound_nodes for parent in node.parent_nodes]


def _is_frozen(layer: Any) -> bool:
    return bool(getattr(layer, "weights", ())) and not layer.trainable_weights  # a function of Keras 3 has none


def _fate(old: Any, new: Any) -> str:
    for size in _SIZES:
        before, after = (layer.get_config().get(size) for layer in (old, new))
        if before != after:
            return f"{after} of {before} {size}"
    return "as wide" if old.weights else "no weights"
