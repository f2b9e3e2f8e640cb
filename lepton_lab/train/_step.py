"""One step on one replica: answers, losses, gradients, new weights, and the sums that are reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lepton_lab.errors import InputError
from lepton_lab.runtime import own_names_in
from lepton_lab.train import _parts
from lepton_lab.train._job import Job
from lepton_lab.train._make import Own, make
from lepton_lab.train._optimizer import rate_changes
from lepton_lab.types import Target


@dataclass
class Head:
    """One answer of a model, and what it is held against."""

    name: str
    """The output's name; empty where there is one only."""
    target: Target
    outputs: int
    """How many numbers the answer has for a row."""
    loss: Callable[[Any, Any], Any]
    """Of labels and answers; gives each row's loss."""
    loss_name: str
    is_own_loss: bool
    """Whether it is the user's own code."""
    wants_one_hot: bool
    """Whether the loss does, for classes."""
    metrics: list[tuple[Any, bool]] = field(default_factory=list)
    """Keras metrics, with whether each wants one-hot labels."""
    own_metrics: dict[str, Callable[[Any, Any], Any] | None] = field(default_factory=dict)
    """By name those of the metrics that are the user's own code; the function that is averaged, where it is one."""

    @property
    def is_binary(self) -> bool:
        """Whether two classes are told apart by one number."""
        return self.target.kind == "classes" and self.outputs == 1

    @property
    def metric(self) -> str:
        """The metric that is reported while the training goes on, by Keras's name."""
        name = "mae" if self.target.kind == "numbers" else "accuracy"
        return f"{self.name}_{name}" if self.name else name


def default_loss(target: Target, outputs: int) -> str:
    """The loss that `auto` stands for, by Keras's name."""
    if target.kind == "numbers":
        return "mse"
    several = target.kind == "classes" and outputs > 1
    return "sparse_categorical_crossentropy" if several else "binary_crossentropy"


def targets_of(job: Job, model: Any) -> list[tuple[str, Target, int]]:
    """The model's outputs in order: name (empty for a single one), what it learns, and how many numbers it gives.

    Raises
    ------
    InputError
        If the data set has no target of an output's name.
    """
    several = job.dataset.targets
    shapes = in_order(model, model.output_shape)
    if len(shapes) == 1:
        return [("", job.dataset.target, int(shapes[0][-1]))]
    missing = [name for name in model.output_names if name not in several]
    if missing:
        known = ", ".join(several) or "one target only"
        raise InputError(f"The model has the output {missing[0]!r}, but the data set has {known}.")
    named = zip(model.output_names, shapes, strict=True)
    return [(name, several[name], int(shape[-1])) for name, shape in named]


def in_order(model: Any, outputs: Any) -> list[Any]:
    """What a model has for its outputs, as a list in the order of their names."""
    if isinstance(outputs, dict):
        return [outputs[name] for name in model.output_names]
    return list(outputs) if isinstance(outputs, list) else [outputs]


def make_heads(job: Job, model: Any) -> list[Head]:
    """A head for each output, with its losses and metrics made by tf_keras; under the strategy's scope."""
    own = own_names_in(job.code)
    heads = []
    for name, target, outputs in targets_of(job, model):
        part = job.loss.get(name, "auto") if _is_by_output(job.loss) else job.loss
        part = default_loss(target, outputs) if part == "auto" else part
        is_own = _parts.is_own(part) or _parts.name_of(part) in own
        loss, wants_one_hot = make_loss(part, own)
        head = Head(name, target, outputs, loss, _parts.name_of(part), is_own, wants_one_hot and not is_own)
        for metric in job.metrics:
            if _parts.name_of(metric).lower() not in _always_reported(head):
                add_metric(head, metric, own)
        heads.append(head)
    return heads


def _is_by_output(loss: Any) -> bool:
    return isinstance(loss, dict) and "class_name" not in loss and "pickled" not in loss


def _always_reported(head: Head) -> tuple[str, ...]:
    """Names of the metric that a head has anyway."""
    return ("mae", "mean_absolute_error") if head.target.kind == "numbers" else ("accuracy", "acc")


def make_loss(part: Any, own: Own) -> tuple[Callable[[Any, Any], Any], bool]:
    """A function of labels and answers that gives each row's loss, and whether it wants one-hot labels.

    It goes through AutoGraph, as Keras does it with all that may be the user's own.
    """
    import tensorflow as tf

    autograph = tf.__internal__.autograph
    made = make("loss", part, own)
    name = _parts.name_of(part).lower().replace("_", "")
    call = autograph.tf_convert(made.call if hasattr(made, "reduction") else made, autograph.control_status_ctx())
    return call, name.startswith(("categorical", "kl", "kullback", "cosine"))


def add_metric(head: Head, part: Any, own: Own) -> None:
    """Give a head a Keras metric; for one-hot labels, as Keras's own want them unless they are called sparse."""
    import tf_keras

    name = _parts.name_of(part)
    made, function = make("metric", part, own), None
    if not isinstance(made, tf_keras.metrics.Metric):
        if hasattr(made, "update_state"):
            raise InputError(f"The metric {name} is one of Keras 3: derive it from tf_keras.metrics.Metric.")
        function = made
        made = tf_keras.metrics.MeanMetricWrapper(made, name=name)
    is_own = _parts.is_own(part) or name in own
    taken = [head.metric.removeprefix(f"{head.name}_"), *(metric.name for metric, _ in head.metrics)]
    wanted, number = made.name, 1
    while made.name in taken:  # as Keras does it
        made._name, number = f"{wanted}_{number}", number + 1
    if head.name:
        made._name = f"{head.name}_{made.name}"
    if is_own:
        head.own_metrics[made.name] = function
    head.metrics.append((made, not is_own and "sparse" not in name.lower()))


def log_names(job: Job, heads: list[Head], optimizer: Any) -> list[str]:
    """Names of all that an epoch's logs have."""
    names = ["loss", *(head.metric for head in heads), *(metric.name for head in heads for metric, _ in head.metrics)]
    held = [f"val_{name}" for name in names] if job.num_held_out else []
    return [*names, *held, *(["learning_rate"] if rate_changes(job, optimizer) else [])]


class Steps:
    """What is done with a batch.

    Parameters
    ----------
    replicas
        Over all ranks, whose gradients are summed at every step; 1 where each rank learns by itself.
    """

    def __init__(self, job: Job, model: Any, optimizer: Any, heads: list[Head], replicas: int) -> None:
        self.job, self.model, self.optimizer, self.heads, self.replicas = job, model, optimizer, heads, replicas
        self.taught: Callable[[Any, Any, Any], Any] | None = None
        """Of rows, each row's loss and answers: what to learn from instead of the losses."""

    @property
    def names(self) -> list[str]:
        """Of the sums, in order; each is divided by the examples for its mean."""
        return ["loss", *(head.metric for head in self.heads)]

    def learn(self, x: Any, y: Any, weights: Any, real: Any) -> Any:
        """One step; gives this replica's sums: those of `names`, the examples, and the seconds that it computed."""
        import tensorflow as tf

        began = tf.timestamp()
        if self.job.accumulate == 1:
            gradients, sums = self._gradients(x, y, weights, real, 1)
        else:
            gradients, sums = self._accumulated(x, y, weights, real)
        with tf.control_dependencies([sums, *(g for g in gradients if g is not None)]):
            busy = tf.timestamp() - began
        self.optimizer.apply_gradients(zip(gradients, self.model.trainable_variables, strict=True))
        return tf.concat([sums, [busy]], 0)

    def judge(self, x: Any, y: Any, weights: Any, real: Any) -> Any:
        """The sums, without learning."""
        import tensorflow as tf

        answers = self._answers(x, training=False)
        _, sums = self._losses(None, y, answers, weights, real)
        return tf.concat([sums, [tf.constant(0.0, tf.float64)]], 0)

    def _accumulated(self, x: Any, y: Any, weights: Any, real: Any) -> tuple[list[Any], Any]:
        """The same in parts of equal size, one after the other; the last is filled up with rows that count nothing."""
        import tensorflow as tf

        rows = tf.shape(weights)[0]
        size = -(-rows // self.job.accumulate)
        parts = -(-rows // size)

        def body(i: Any, total: list[Any], sums: Any) -> Any:
            numbers = tf.range(i * size, (i + 1) * size)
            counts = tf.cast(numbers < rows, tf.float32)
            cut = tf.nest.map_structure(lambda t: tf.gather(t, tf.minimum(numbers, rows - 1)), (x, y, weights, real))
            more, others = self._gradients(cut[0], cut[1], cut[2] * counts, cut[3] * counts, parts)
            return i + 1, [a + b for a, b in zip(total, more, strict=True)], sums + others

        zeros = [tf.zeros(v.shape, v.dtype) for v in self.model.trainable_variables]
        start = (tf.constant(0), zeros, tf.zeros(len(self.names) + 1, tf.float64))
        _, gradients, sums = tf.while_loop(lambda i, *_: i < parts, body, start)
        return list(gradients), sums

    def _gradients(self, x: Any, y: Any, weights: Any, real: Any, parts: Any) -> tuple[list[Any], Any]:
        """Gradients of one of the `parts` of a step, and the sums."""
        import tensorflow as tf

        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            answers = self._answers(x, training=True)
            loss, sums = self._losses(x, y, answers, weights, real)
            # Gradients are summed over replicas, so a regulariser that every one adds counts 1 / replicas each; the
            # same for the parts of an accumulated step.
            extra = tf.add_n([tf.cast(part, tf.float32) for part in self.model.losses] or [tf.constant(0.0)])
            loss += extra / tf.cast(self.replicas * parts, tf.float32)
            scaled = self.optimizer.get_scaled_loss(loss) if hasattr(self.optimizer, "get_scaled_loss") else loss
        gradients = tape.gradient(scaled, variables)
        if scaled is not loss:
            gradients = self.optimizer.get_unscaled_gradients(gradients)
        if self.job.accumulate > 1:
            gradients = [
                tf.zeros_like(v) if g is None else tf.convert_to_tensor(g)
                for g, v in zip(gradients, variables, strict=True)
            ]
        return list(gradients), sums

    def _answers(self, x: Any, training: bool) -> list[Any]:
        import tensorflow as tf

        rows = (
            {name: tf.cast(part, tf.float32) for name, part in x.items()}
            if isinstance(x, dict)
            else tf.cast(x, tf.float32)
        )
        answers = self.model(rows, training=training)
        return list(answers) if isinstance(answers, list | tuple) else [answers]

    def _losses(self, x: Any, y: Any, answers: list[Any], weights: Any, real: Any) -> tuple[Any, Any]:
        """The weighted sum to learn from, and the plain sums to report: loss, metrics, examples; float64.

        `x` are the rows where something else than the losses may be learnt from, or None.
        """
        import tensorflow as tf

        total, loss_sum, values = tf.constant(0.0), tf.constant(0.0), []
        for head, answer in zip(self.heads, answers, strict=True):
            answer = tf.cast(answer, tf.float32)
            labels = y[head.name] if isinstance(y, dict) else y
            plain = self._labels(head, labels, answer, head.wants_one_hot)
            losses = tf.cast(head.loss(plain, answer), tf.float32)
            if losses.shape.rank > 1:
                losses = tf.reduce_mean(losses, axis=list(range(1, losses.shape.rank)))
            if self.taught is not None and x is not None:
                losses = self.taught(x, losses, answer)
            total += tf.reduce_sum(losses * weights)
            loss_sum += tf.reduce_sum(losses * real)
            values.append(tf.reduce_sum(self._values(head, labels, answer) * real))
            for metric, one_hot in head.metrics:
                metric.update_state(self._labels(head, labels, answer, one_hot), answer, sample_weight=real)
        sums = tf.stack([loss_sum, *values, tf.reduce_sum(real)])
        return total, tf.cast(sums, tf.float64)

    @staticmethod
    def _labels(head: Head, labels: Any, answer: Any, one_hot: bool) -> Any:
        """Labels in the form that a loss or a metric of Keras wants them."""
        import tensorflow as tf

        if head.is_binary or head.target.kind != "classes":
            return tf.reshape(tf.cast(labels, tf.float32), tf.shape(answer))
        return tf.one_hot(labels, head.outputs) if one_hot else labels

    @staticmethod
    def _values(head: Head, labels: Any, answer: Any) -> Any:
        """Each row's value of the head's metric."""
        import tensorflow as tf

        if head.target.kind == "classes" and not head.is_binary:
            return tf.cast(tf.equal(labels, tf.argmax(answer, -1, output_type=labels.dtype)), tf.float32)
        plain = tf.reshape(tf.cast(labels, tf.float32), tf.shape(answer))
        if head.target.kind == "numbers":
            each = tf.abs(plain - answer)
        else:
            each = tf.cast(tf.equal(plain > 0.5, answer > 0.5), tf.float32)
        return tf.reduce_mean(tf.reshape(each, (tf.shape(answer)[0], -1)), axis=1)
