"""One step on one replica: answers, losses, gradients, new weights, and the sums that are reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lepton_lab.errors import InputError
from lepton_lab.train import _parts
from lepton_lab.train._job import Job
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
    wants_one_hot: bool
    metrics: list[Any] = field(default_factory=list)
    """Keras metrics, with whether each wants one-hot labels."""

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
    if target.kind == "classes":
        return "binary_crossentropy" if outputs == 1 else "sparse_categorical_crossentropy"
    return "binary_crossentropy" if target.kind == "labels" else "mse"


def targets_of(job: Job, model: Any) -> list[tuple[str, Target, int]]:
    """The model's outputs in order: name (empty for a single one), what it learns, and how many numbers it gives.

    Raises
    ------
    InputError
        If the data set has no target of an output's name.
    """
    several = getattr(job.dataset, "targets", None) or {}
    shapes = model.output_shape if isinstance(model.output_shape, list) else [model.output_shape]
    if len(shapes) == 1:
        return [("", job.dataset.target, int(shapes[0][-1]))]
    missing = [name for name in model.output_names if name not in several]
    if missing:
        known = ", ".join(several) or "one target only"
        raise InputError(f"The model has the output {missing[0]!r}, but the data set has {known}.")
    named = zip(model.output_names, shapes, strict=True)
    return [(name, several[name], int(shape[-1])) for name, shape in named]


def make_heads(job: Job, model: Any) -> list[Head]:
    """A head for each output, with its losses and metrics made by tf_keras; under the strategy's scope."""
    heads = []
    for name, target, outputs in targets_of(job, model):
        chosen = (
            job.loss.get(name, "auto")
            if isinstance(job.loss, dict) and "class_name" not in job.loss and ("pickled" not in job.loss)
            else job.loss
        )
        part = default_loss(target, outputs) if chosen == "auto" else chosen
        loss, one_hot = make_loss(part)
        head = Head(name, target, outputs, loss, one_hot)
        head.metrics = [make_metric(metric, head) for metric in job.metrics if metric not in ("accuracy", "acc", "mae")]
        heads.append(head)
    return heads


def make_loss(part: Any) -> tuple[Callable[[Any, Any], Any], bool]:
    """A function of labels and answers that gives each row's loss, and whether it wants one-hot labels."""
    made = _parts.make("loss", part)
    name = _parts.name_of(part).lower().replace("_", "")
    call = made.call if hasattr(made, "reduction") else made
    return call, name.startswith(("categorical", "kl", "kullback", "cosine"))


def make_metric(part: Any, head: Head) -> tuple[Any, bool]:
    """A Keras metric, and whether it wants one-hot labels: Keras's own do, unless they are called sparse."""
    import tf_keras

    made = _parts.make("metric", part)
    if callable(made) and not isinstance(made, tf_keras.metrics.Metric):
        made = tf_keras.metrics.MeanMetricWrapper(made, name=getattr(made, "__name__", "metric"))
    if head.name:
        made._name = f"{head.name}_{made.name}"
    is_own = isinstance(part, dict) and "pickled" in part
    return made, not is_own and "sparse" not in _parts.name_of(part).lower()


class Steps:
    """What is done with a batch.

    Parameters
    ----------
    replicas
        Over all ranks, whose gradients are summed at every step; 1 where each rank learns by itself.
    """

    def __init__(self, job: Job, model: Any, optimizer: Any, heads: list[Head], replicas: int) -> None:
        self.job, self.model, self.optimizer, self.heads, self.replicas = job, model, optimizer, heads, replicas

    @property
    def names(self) -> list[str]:
        """Of the sums, in order; each is divided by the examples for its mean."""
        return ["loss", *(head.metric for head in self.heads)]

    def learn(self, x: Any, y: Any, weights: Any, real: Any) -> Any:
        """One step; gives this replica's sums: those of `names`, the examples, and the seconds that it computed."""
        import tensorflow as tf

        began = tf.timestamp()
        parts = self.job.accumulate
        if parts == 1:
            gradients, sums = self._gradients(x, y, weights, real)
        else:
            size = weights.shape[0] // parts
            zeros = [tf.zeros(v.shape, v.dtype) for v in self.model.trainable_variables]

            def body(i: Any, total: list[Any], sums: Any) -> Any:
                cut = tf.nest.map_structure(lambda t: t[i * size : (i + 1) * size], (x, y, weights, real))
                more, others = self._gradients(*cut)
                return i + 1, [a + b for a, b in zip(total, more, strict=True)], sums + others

            start = (tf.constant(0), zeros, tf.zeros(len(self.names) + 1, tf.float64))
            _, gradients, sums = tf.while_loop(lambda i, *_: i < parts, body, start)
        with tf.control_dependencies([sums, *(g for g in gradients if g is not None)]):
            busy = tf.timestamp() - began
        self.optimizer.apply_gradients(zip(gradients, self.model.trainable_variables, strict=True))
        return tf.concat([sums, [busy]], 0)

    def judge(self, x: Any, y: Any, weights: Any, real: Any) -> Any:
        """The sums, without learning."""
        import tensorflow as tf

        answers = self._answers(x, training=False)
        _, sums = self._losses(y, answers, weights, real)
        return tf.concat([sums, [tf.constant(0.0, tf.float64)]], 0)

    def _gradients(self, x: Any, y: Any, weights: Any, real: Any) -> tuple[list[Any], Any]:
        import tensorflow as tf

        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            answers = self._answers(x, training=True)
            loss, sums = self._losses(y, answers, weights, real)
            # Gradients are summed over replicas, so a regulariser that every one adds counts 1 / replicas each; the same
            # for the parts of an accumulated step.
            extra = tf.add_n([tf.cast(part, tf.float32) for part in self.model.losses] or [tf.constant(0.0)])
            loss += extra / (self.replicas * self.job.accumulate)
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

    def _losses(self, y: Any, answers: list[Any], weights: Any, real: Any) -> tuple[Any, Any]:
        """The weighted sum to learn from, and the plain sums to report: loss, metrics, examples; float64."""
        import tensorflow as tf

        total, loss_sum, values = tf.constant(0.0), tf.constant(0.0), []
        for head, answer in zip(self.heads, answers, strict=True):
            answer = tf.cast(answer, tf.float32)
            labels = y[head.name] if isinstance(y, dict) else y
            plain = self._labels(head, labels, answer, head.wants_one_hot)
            losses = tf.cast(head.loss(plain, answer), tf.float32)
            if losses.shape.rank == 0:
                raise InputError("The loss gives one number for all rows: it must give one for each, shape (rows,).")
            if losses.shape.rank > 1:
                losses = tf.reduce_mean(losses, axis=list(range(1, losses.shape.rank)))
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
