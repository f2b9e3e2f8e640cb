"""One step on one replica: answers, losses, gradients, new weights, and the sums that are reported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lepton_lab.errors import InputError
from lepton_lab.runtime import LOGITS, cast_inputs, constrain, own_names_in, plain_variables
from lepton_lab.train import _parts
from lepton_lab.train._counted import Counted, count, fitted, real_ones, update
from lepton_lab.train._job import Job
from lepton_lab.train._make import Own, make
from lepton_lab.train._optimizer import rate_changes
from lepton_lab.types import Target

_REDUCTIONS = {
    **dict.fromkeys(("auto", "sum_over_batch_size", "mean"), "mean"),
    **{"sum": "sum", "none": "none"},
}
"""What a `Head` calls the reductions of both Kerases."""
_OF_ONE_HOT = ("categorical", "kl", "kullback", "cosine", "dice", "tversky")
"""Losses that take classes one-hot, but for the generalised crossentropy."""


@dataclass(frozen=True)
class Reported:
    """A Keras metric, and in which form it wants labels and answers."""

    metric: Any
    one_hot: bool
    """Whether labels that are classes come one-hot."""
    is_weighted: bool
    """Whether the rows' weights count."""
    as_they_are: bool
    """Whether answers come as the model gives them, even where they are logits; else as probabilities."""
    of_classes: bool = False
    """Whether answers come as the numbers of the classes that they choose."""


@dataclass
class Head:
    """One answer of a model, and what it is held against."""

    name: str
    """The output's name; empty where there is one only."""
    target: Target
    outputs: int
    """How many numbers the answer has for a row, or for each of its positions."""
    loss: Callable[[Any, Any], Any]
    """Of labels and answers; gives each row's loss, or a single one for all of them."""
    loss_name: str
    is_own_loss: bool
    """Whether it is the user's own code."""
    wants_one_hot: bool
    """Whether the loss does, for classes."""
    are_logits: bool = False
    """Whether the answers are logits of classes or labels."""
    weight: float = 1.0
    """How much the loss counts."""
    reduction: str = "mean"
    """Over a step's values: `sum` or `mean`; of `none` Keras learns by the sum and tells the mean."""
    metrics: list[Reported] = field(default_factory=list)
    shape: tuple[int, ...] = ()
    """Of the answer to one row."""
    mean: Any = None
    """Counts the head's metric by positions, where a row has several answers: a Keras metric."""
    own_metrics: dict[str, Callable[[Any, Any], Any] | None] = field(default_factory=dict)
    """By name those of the metrics that are the user's own code; the function that is averaged, where it is one."""

    @property
    def is_binary(self) -> bool:
        """Whether two classes are told apart by one number."""
        return self.target.kind == "classes" and self.outputs == 1

    @property
    def is_spread(self) -> bool:
        """Whether a row has answers at several positions."""
        return len(self.shape) > 1

    def shaped(self, answer: Any) -> Any:
        """An answer with one axis for its numbers behind those of the positions."""
        import tensorflow as tf

        if self.target.positions and answer.shape.rank == len(self.target.positions) + 1:
            return answer[..., None]
        if self.target.kind != "numbers" and not self.target.positions and answer.shape.rank != 2:
            return tf.reshape(answer, (-1, self.outputs))
        return answer

    def chosen(self, answer: Any) -> Any:
        """The number of the class that each answer chooses, int64."""
        import tensorflow as tf

        if self.outputs > 1:
            return tf.argmax(answer, -1)
        return tf.cast(answer[..., 0] > (0.0 if self.are_logits else 0.5), tf.int64)

    def probabilities(self, logits: Any) -> Any:
        """What logits stand for."""
        import tensorflow as tf

        return tf.nn.softmax(logits) if self.target.kind == "classes" and not self.is_binary else tf.sigmoid(logits)

    @property
    def metric(self) -> str:
        """The metric that is reported while the training goes on, by Keras's name."""
        name = "mae" if self.target.kind == "numbers" else "accuracy"
        return f"{self.name}_{name}" if self.name else name


def default_loss(target: Target, outputs: int, are_logits: bool) -> Any:
    """The loss that `auto` stands for: Keras's name, or with the settings that logits need."""
    if target.kind == "numbers":
        return "mse"
    several = target.kind == "classes" and outputs > 1
    if are_logits:
        name = "SparseCategoricalCrossentropy" if several else "BinaryCrossentropy"
        return {"class_name": name, "config": {"from_logits": True}}
    return "sparse_categorical_crossentropy" if several else "binary_crossentropy"


def targets_of(job: Job, model: Any) -> list[tuple[str, Target, int]]:
    """The model's outputs in order: name (empty for a single one), what it learns, and how many numbers it gives.

    Raises
    ------
    InputError
        If the data set has no target of an output's name, or answers don't lie as the target does.
    """
    several = job.dataset.targets
    shapes = in_order(model, model.output_shape)
    if len(shapes) == 1:
        return [("", job.dataset.target, _outputs("", job.dataset.target, shapes[0]))]
    missing = [name for name in model.output_names if name not in several]
    if missing:
        known = ", ".join(several) or "one target only"
        raise InputError(f"The model has the output {missing[0]!r}, but the data set has {known}.")
    named = zip(model.output_names, shapes, strict=True)
    return [(name, several[name], _outputs(name, several[name], shape)) for name, shape in named]


def _outputs(name: str, target: Target, shape: Any) -> int:
    """How many numbers an output of this shape, the batch first, gives for a row or a position."""
    outputs = target.outputs_in(tuple(shape[1:]))
    if outputs is None:
        where = f" at the output {name!r}" if name else ""
        raise InputError(
            f"The model answers{where} with shape {tuple(shape[1:])} a row, but the labels are {target.describe()}: "
            f"end it with answers of shape {(*target.positions, target.num_outputs)}."
        )
    return outputs


def in_order(model: Any, outputs: Any) -> list[Any]:
    """What a model has for its outputs, as a list in the order of their names."""
    if isinstance(outputs, Mapping):
        return [outputs[name] for name in model.output_names]
    return list(outputs) if isinstance(outputs, list) else [outputs]


def make_heads(job: Job, model: Any) -> list[Head]:
    """A head for each output, with its losses and metrics made by tf_keras; under the strategy's scope."""
    own = own_names_in(job.code)
    heads = []
    for name, target, outputs in targets_of(job, model):
        part = loss_for(job, name)
        are_logits = job.answers.get(name) == LOGITS and target.kind != "numbers"
        part = default_loss(target, outputs, are_logits) if part == "auto" else part
        is_own = _parts.is_own(part) or _parts.name_of(part) in own
        loss, wants_one_hot, reduction = make_loss(part, own)
        if is_own or target.one_hot:  # as they came, but for what is called sparse
            wants_one_hot = target.one_hot and "sparse" not in _parts.name_of(part).lower()
        head = Head(name, target, outputs, loss, _parts.name_of(part), is_own, wants_one_hot, are_logits)
        head.weight, head.reduction = float(job.loss_weights.get(name, 1.0)), reduction
        head.shape = _row_shape(model, name, target)
        if head.is_spread:
            import tf_keras

            head.mean = tf_keras.metrics.Mean(name=head.metric)
        plain, weighted = (
            each.get(name, ()) if isinstance(each, Mapping) else each for each in (job.metrics, job.weighted_metrics)
        )
        for metric in plain:
            if _parts.name_of(metric).lower() not in _always_reported(head):
                add_metric(head, metric, own)
        is_plain = any(_parts.name_of(metric).lower() in _always_reported(head) for metric in plain)
        for metric in weighted:
            is_usual = _parts.name_of(metric).lower() in _always_reported(head)
            called = head.metric.removeprefix(f"{head.name}_") if is_usual else None
            add_metric(head, metric, own, True, f"weighted_{called}" if called and is_plain else called)
        heads.append(head)
    return heads


def _row_shape(model: Any, name: str, target: Target) -> tuple[int, ...]:
    """The shape of an output's answer to one row; sizes that only the rows tell are the target's."""
    shapes = in_order(model, model.output_shape)
    shape = shapes[model.output_names.index(name)] if name else shapes[0]
    if target.kind != "numbers" and not target.positions:
        shape = (None, shape[-1])  # sizes of 1 may stand before
    known = (*target.positions, *(target.num_outputs for _ in shape))
    return tuple(int(size or known[place]) for place, size in enumerate(shape[1:]))


def loss_for(job: Job, name: str) -> Any:
    """The part that is the loss of an output, or `"auto"`."""
    return job.loss.get(name, "auto") if _is_by_output(job.loss) else job.loss


def _is_by_output(loss: Any) -> bool:
    return isinstance(loss, dict) and "class_name" not in loss and "pickled" not in loss


def _always_reported(head: Head) -> tuple[str, ...]:
    """Names of the metric that a head has anyway."""
    return ("mae", "mean_absolute_error") if head.target.kind == "numbers" else ("accuracy", "acc")


def make_loss(part: Any, own: Own) -> tuple[Callable[[Any, Any], Any], bool, str]:
    """A function of labels and answers that gives each row's loss; whether it wants one-hot labels; its reduction.

    It goes through AutoGraph, as Keras does it with all that may be the user's own.

    Raises
    ------
    InputError
        If Keras has no such loss, or it is reduced in a way that no step here does.
    """
    import tensorflow as tf

    autograph = tf.__internal__.autograph
    made = make("loss", part, own)
    name = _parts.name_of(part).lower().replace("_", "")
    call = autograph.tf_convert(made.call if hasattr(made, "reduction") else made, autograph.control_status_ctx())
    asked = getattr(made, "reduction", "auto") or "none"
    if asked not in _REDUCTIONS:
        raise InputError(
            f"The loss {_parts.name_of(part)} has reduction={asked!r}, which can't be used here: say "
            "'sum_over_batch_size', 'sum' or 'none'."
        )
    return call, name.startswith(_OF_ONE_HOT) and "generalized" not in name, _REDUCTIONS[asked]


def add_metric(head: Head, part: Any, own: Own, is_weighted: bool = False, called: str | None = None) -> None:
    """Give a head a Keras metric; for one-hot labels, as Keras's own want them unless they are called sparse.

    Parameters
    ----------
    called
        Its name in what is reported, also where the head's own metric has it, which is not reported then.
    """
    import tf_keras

    if part in ("accuracy", "acc"):  # one that Keras chooses by what it is to judge
        several = head.target.kind == "classes" and not head.is_binary
        part = "sparse_categorical_accuracy" if several else "binary_accuracy"
        if head.target.kind == "numbers" and head.outputs > 1:
            part = {"class_name": "CategoricalAccuracy", "args": [], "config": {"name": "accuracy"}}
    elif part in ("crossentropy", "ce") and head.target.kind == "numbers":
        part = "categorical_crossentropy" if head.outputs > 1 else "binary_crossentropy"
    elif part in ("crossentropy", "ce"):
        part = default_loss(head.target, head.outputs, False)
    name = _parts.name_of(part)
    if part == name and name.lower().replace("_", "") == "meaniou" and name not in own:  # it asks for their number
        part = {
            "class_name": "MeanIoU",
            "args": [],
            "config": {"num_classes": max(head.outputs, 2), "name": "mean_iou"},
        }
    made, function = make("metric", part, own), None
    if not isinstance(made, tf_keras.metrics.Metric):
        if hasattr(made, "update_state"):
            raise InputError(f"The metric {name} is one of Keras 3: derive it from tf_keras.metrics.Metric.")
        function = made
        made = tf_keras.metrics.MeanMetricWrapper(made, name=name)
    is_own = _parts.is_own(part) or name in own
    taken = [head.metric.removeprefix(f"{head.name}_"), *(each.metric.name for each in head.metrics)]
    wanted, number = made.name, 1
    if called:
        made._name = called
    while made.name in taken and not called:  # as Keras does it
        made._name, number = f"{wanted}_{number}", number + 1
    if head.name:
        made._name = f"{head.name}_{made.name}"
    if is_own:
        head.own_metrics[made.name] = function
    as_they_are = is_own or not head.are_logits or _takes_logits(made)
    one_hot = "sparse" not in name.lower() and (head.target.one_hot or not is_own)
    if hasattr(made, "sparse_y_true"):  # of intersection over union, which says itself what it takes
        of_classes = made.sparse_y_pred and not hasattr(made, "threshold")  # else it divides probabilities itself
        reported = Reported(made, not made.sparse_y_true, is_weighted, as_they_are, of_classes)
    else:
        reported = Reported(made, one_hot, is_weighted, as_they_are)
    head.metrics.append(reported)


def _takes_logits(metric: Any) -> bool:
    """Whether a metric of Keras was made for logits: it says so, or draws its line at 0, as they are divided."""
    settings = metric.get_config()
    return bool(settings.get("from_logits")) or settings.get("thresholds", settings.get("threshold")) in (0, [0])


def log_names(job: Job, heads: list[Head], optimizer: Any) -> list[str]:
    """Names of all that an epoch's logs have."""
    more = [each.metric.name for head in heads for each in head.metrics]
    names = list(dict.fromkeys(["loss", *(head.metric for head in heads), *more]))
    held = [f"val_{name}" for name in names] if job.num_held_out else []
    return [*names, *held, *(["learning_rate"] if rate_changes(job, optimizer) else [])]


@dataclass(frozen=True)
class _Judged:
    """What a head answers to a batch, and what it loses by it; tensors."""

    answer: Any
    labels: Any
    losses: Any
    """Of each row, or each of its positions."""
    are_one: bool
    """Whether the loss gives a single number for all rows, which each row has then."""
    of_loss: Counted
    """Which positions count in the loss."""
    counted: Counted
    """Which of them count in metrics."""


class Steps:
    """What is done with a batch.

    Parameters
    ----------
    replicas
        Over all ranks, whose gradients are summed at every step; 1 where each rank learns by itself.
    apart
        How many ranks learn by themselves from rows of a step; 1 where they do it together.
    """

    def __init__(self, job: Job, model: Any, optimizer: Any, heads: list[Head], replicas: int, apart: int = 1) -> None:
        self.job, self.model, self.optimizer, self.heads, self.replicas = job, model, optimizer, heads, replicas
        self.apart = apart
        self.variables = plain_variables(model.trainable_variables)
        self.taught: Callable[[Any, Mapping[str, Any], Mapping[str, Any]], Mapping[str, Any]] | None = None
        """Of rows, and by the head's name each row's loss and answers: what to learn from instead of the losses."""

    @property
    def names(self) -> list[str]:
        """Of the sums, in order; each is divided by the examples for its mean."""
        return ["loss", *(head.metric for head in self.heads)]

    def learn(self, x: Any, y: Any, weights: Any, real: Any) -> Any:
        """One step; gives this replica's sums: those of `names`, the examples, and the seconds that it computed."""
        import tensorflow as tf

        began = tf.timestamp()
        size = self._size(real)
        if self.job.accumulate == 1:
            gradients, sums = self._gradients(x, y, weights, real, 1, size)
        else:
            gradients, sums = self._accumulated(x, y, weights, real, size)
        with tf.control_dependencies([sums, *(g for g in gradients if g is not None)]):
            busy = tf.timestamp() - began
        self.optimizer.apply_gradients(zip(gradients, self.variables, strict=True))
        constrain(self.model)
        return tf.concat([sums, [busy]], 0)

    def judge(self, x: Any, y: Any, weights: Any, real: Any) -> Any:
        """The sums, without learning."""
        import tensorflow as tf

        answers = self._answers(x, training=False)
        size = tf.minimum(self._size(real), float(self.job.batch_size))
        _, sums = self._losses(None, y, answers, weights, real, size)
        return tf.concat([self._with_extra(sums, self._extra()), [tf.constant(0.0, tf.float64)]], 0)

    def _extra(self) -> Any:
        """What the model's own layers add to the loss: regularisers, and `add_loss`."""
        import tensorflow as tf

        return tf.add_n([tf.cast(part, tf.float32) for part in self.model.losses] or [tf.constant(0.0)])

    @staticmethod
    def _with_extra(sums: Any, extra: Any) -> Any:
        """Sums whose loss has what the layers add, as Keras shows it."""
        import tensorflow as tf

        return tf.concat([[sums[0] + tf.cast(extra, tf.float64) * sums[-1]], sums[1:]], 0)

    def _size(self, real: Any) -> Any:
        """How many rows the step has over all ranks, where a loss is a sum over them; else nobody asks."""
        import tensorflow as tf

        if all(head.reduction == "mean" for head in self.heads):
            return tf.constant(1.0)
        return self.apart * self._over_replicas(tf.reduce_sum(real))

    def _accumulated(self, x: Any, y: Any, weights: Any, real: Any, size: Any) -> tuple[list[Any], Any]:
        """The same in parts of equal size, one after the other; the last is filled up with rows that count nothing."""
        import tensorflow as tf

        rows = tf.shape(weights)[0]
        share = -(-rows // self.job.accumulate)
        parts = -(-rows // share)

        def body(i: Any, total: list[Any], sums: Any) -> Any:
            numbers = tf.range(i * share, (i + 1) * share)
            counts = tf.cast(numbers < rows, tf.float32)
            cut = tf.nest.map_structure(lambda t: tf.gather(t, tf.minimum(numbers, rows - 1)), (x, y, weights, real))
            more, others = self._gradients(cut[0], cut[1], cut[2] * counts, cut[3] * counts, parts, size)
            return i + 1, [a + b for a, b in zip(total, more, strict=True)], sums + others

        zeros = [tf.zeros(v.shape, v.dtype) for v in self.variables]
        start = (tf.constant(0), zeros, tf.zeros(len(self.names) + 1, tf.float64))
        _, gradients, sums = tf.while_loop(lambda i, *_: i < parts, body, start)
        return list(gradients), sums

    def _gradients(self, x: Any, y: Any, weights: Any, real: Any, parts: Any, size: Any) -> tuple[list[Any], Any]:
        """Gradients of one of the `parts` of a step, and the sums."""
        import tensorflow as tf

        with tf.GradientTape() as tape:
            answers = self._answers(x, training=True)
            loss, sums = self._losses(x, y, answers, weights, real, size)
            # Gradients are summed over replicas, so a regulariser that every one adds counts 1 / replicas each; the
            # same for the parts of an accumulated step.
            extra = self._extra()
            loss += extra / tf.cast(self.replicas * parts, tf.float32)
            scaled = self.optimizer.get_scaled_loss(loss) if hasattr(self.optimizer, "get_scaled_loss") else loss
        gradients = tape.gradient(scaled, self.variables)
        if scaled is not loss:
            gradients = self.optimizer.get_unscaled_gradients(gradients)
        if self.job.accumulate > 1:
            gradients = [
                tf.zeros_like(v) if g is None else tf.convert_to_tensor(g)
                for g, v in zip(gradients, self.variables, strict=True)
            ]
        return list(gradients), self._with_extra(sums, extra)

    def _answers(self, x: Any, training: bool) -> list[Any]:
        return in_order(self.model, self.model(cast_inputs(self.model, x), training=training))

    def _losses(self, x: Any, y: Any, answers: list[Any], weights: Any, real: Any, size: Any) -> tuple[Any, Any]:
        """The weighted sum to learn from, and the plain sums to report: loss, metrics, examples; float64.

        `x` are the rows where something else than the losses may be learnt from, or None; `size` is of `_size`.
        """
        import tensorflow as tf

        total, loss_sum, values = tf.constant(0.0), tf.constant(0.0), []
        found = {head.name: self._judged(head, given, y, real) for head, given in zip(self.heads, answers, strict=True)}
        each_row: Mapping[str, Any] = {name: one.of_loss.means(one.losses) for name, one in found.items()}
        if self.taught is not None and x is not None:
            each_row = self.taught(x, each_row, {name: one.answer for name, one in found.items()})
        for head in self.heads:
            one, rows = found[head.name], each_row[head.name]
            as_mean = head.reduction == "mean" or one.are_one
            as_sum = head.weight if as_mean else head.weight * one.of_loss.number(one.losses, size)
            if weights.shape.rank > 1:
                total += as_sum * tf.reduce_sum(one.of_loss.means(one.losses * fitted(weights, one.losses)))
            else:
                total += as_sum * tf.reduce_sum(rows * weights)
            loss_sum += (as_sum if head.reduction == "sum" else head.weight) * tf.reduce_sum(rows * real)
            each_value = self._values(head, one.labels, one.answer)
            values.append(tf.reduce_sum(one.counted.means(each_value) * real))
            if head.mean is not None:
                head.mean.update_state(each_value, sample_weight=one.counted.weights(real, each_value))
            self._tell_metrics(head, one.labels, one.answer, (real, weights), one.counted if head.is_spread else None)
        sums = tf.stack([loss_sum, *values, tf.reduce_sum(real)])
        return total, tf.cast(sums, tf.float64)

    def _judged(self, head: Head, given: Any, y: Any, real: Any) -> _Judged:
        """A head's answers held against the labels."""
        import tensorflow as tf

        answer = head.shaped(tf.cast(given, tf.float32))
        labels = y[head.name] if isinstance(y, dict) else y
        masks = [getattr(given, "_keras_mask", None)] if head.is_spread else []
        if head.target.kind == "classes" and head.target.positions:
            masks.append(labels >= 0)
            labels = tf.maximum(labels, 0)
        counted = count(masks, real, self._over_part)
        wanted = self._labels(head, labels, answer, head.wants_one_hot)
        found = head.loss(wanted, answer)
        ignored = getattr(found, "_keras_mask", None)  # where the loss has an `ignore_class`
        of_loss = counted if ignored is None else count([*masks, ignored], real, self._over_part)
        if are_one := found.shape.rank == 0:
            found = tf.fill(tf.shape(real), head.loss(*real_ones(real, wanted, answer)))
            of_loss = Counted(None, 1.0)
        return _Judged(answer, labels, tf.cast(found, tf.float32), are_one, of_loss, counted)

    def _tell_metrics(
        self, head: Head, labels: Any, answer: Any, counts: tuple[Any, Any], counted: Counted | None
    ) -> None:
        """Have the metrics see a batch; `counts` says which rows are real, and how much each counts."""
        real, weights = counts
        for each in head.metrics:
            shown, given = self.for_metric(head, each, labels, answer)
            update(
                each.metric, shown, given, fitted(weights, real) if each.is_weighted else real, counted, answer[..., 0]
            )

    @classmethod
    def for_metric(cls, head: Head, reported: Reported, labels: Any, answer: Any) -> tuple[Any, Any]:
        """Labels and answers in the form that a metric wants them."""
        import tensorflow as tf

        shown = cls._labels(head, labels, answer, reported.one_hot)
        if reported.of_classes:
            given = head.chosen(answer)
            return (shown if reported.one_hot else tf.reshape(shown, tf.shape(given))), given
        return shown, answer if reported.as_they_are else head.probabilities(answer)

    def _over_part(self, sums: Any) -> Any:
        """The sum over all replicas that learn together; of a part of a step that is cut up, this one's."""
        return sums if self.job.accumulate > 1 else self._over_replicas(sums)

    def _over_replicas(self, sums: Any) -> Any:
        """The sum over all replicas that learn together."""
        import tensorflow as tf

        context = tf.distribute.get_replica_context()
        if self.replicas == 1 or context is None:
            return sums
        return context.all_reduce(tf.distribute.ReduceOp.SUM, sums)

    @staticmethod
    def _labels(head: Head, labels: Any, answer: Any, one_hot: bool) -> Any:
        """Labels in the form that a loss or a metric of Keras wants them."""
        import tensorflow as tf

        if head.is_binary or head.target.kind != "classes":
            return tf.reshape(tf.cast(labels, tf.float32), tf.shape(answer))
        labels = tf.cast(labels, tf.int64)
        return tf.one_hot(labels, head.outputs) if one_hot else labels

    @staticmethod
    def _values(head: Head, labels: Any, answer: Any) -> Any:
        """The values of the head's metric: of each row, or of each position, shape (n, ...)."""
        import tensorflow as tf

        if head.target.kind == "classes" and not head.is_binary:
            return tf.cast(tf.equal(tf.cast(labels, tf.int64), tf.argmax(answer, -1)), tf.float32)
        plain = tf.reshape(tf.cast(labels, tf.float32), tf.shape(answer))
        if head.target.kind == "numbers":
            each = tf.abs(plain - answer)
        else:
            threshold = 0.0 if head.are_logits else 0.5
            each = tf.cast(tf.equal(plain > 0.5, answer > threshold), tf.float32)
        return tf.reduce_mean(each, axis=-1)
