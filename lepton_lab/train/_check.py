"""Whether a run could start, told before any work is done; runs in a process that has TensorFlow."""

from __future__ import annotations

import inspect
import math
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lepton_lab.errors import InputError, UserCodeError
from lepton_lab.forkserver._child import summary
from lepton_lab.runtime import check_dtype, input_dtypes, load_keras, one_line, open_rows
from lepton_lab.train._answering import find_answers
from lepton_lab.train._counted import Counted, update
from lepton_lab.train._job import Job
from lepton_lab.train._optimizer import make_optimizer, spare
from lepton_lab.train._precision import with_precision
from lepton_lab.train._step import Head, Reported, Steps, log_names, loss_for, make_heads, targets_of


@dataclass(frozen=True)
class Checked:
    """What was found of a run that could start."""

    answers: Mapping[str, str]
    """What each output answers with; see `Model.answers`."""
    notes: tuple[str, ...]
    """What had to be assumed."""


def check(job: Job) -> Checked:
    """Whether a run could start: parts that Keras knows, and answers, losses and metrics that fit the labels.

    Raises
    ------
    InputError
        With what came and what was expected.
    UserCodeError
        If a loss or a metric of the user's own raises.
    """
    from lepton_lab.train._callbacks import Callbacks

    optimizer = make_optimizer(job)
    model = load_keras(job.model_file, job.code)
    spare(optimizer, job, model)
    if lora := [layer.name for layer in model._flatten_layers() if getattr(layer, "lora_enabled", False)]:
        raise InputError(
            f"The layer {lora[0]!r} has LoRA's matrices, which Keras adds to the kernel as it saves a model, so that "
            "they begin as zeros and can't learn: train it by Keras's fit, or leave enable_lora out."
        )
    _check_dtypes(job, model)
    outputs_of_model = targets_of(job, model)
    for name, target, outputs in outputs_of_model:
        if not target.takes(outputs):
            where = f" at the output {name!r}" if name else ""
            place = "position" if target.positions else "row"
            hint = f" ({target.note})" if target.note else ""
            raise InputError(
                f"The model gives {outputs} numbers a {place}{where}, but the labels need {target.num_outputs}{hint}."
            )
    losses = {name: loss_for(job, name) for name, _, _ in outputs_of_model}
    answers, notes = find_answers(job, model, outputs_of_model, losses)
    job = replace(job, answers=answers)
    heads = make_heads(job, model)
    for head in heads:
        notes += _check_loss(head, job)
        for each in head.metrics:
            _check_metric(head, each)
    with_precision(model, job.precision)
    if job.callbacks:
        Callbacks(job, model, optimizer).check(log_names(job, heads, optimizer))
    if job.class_weight or job.dataset.weighted:
        notes.append("The loss shown counts every row once; the weights count in what is learnt from.")
    if not model.trainable_variables:
        notes.append("The model has no trainable weights, so that it learns nothing.")
    return Checked(answers, tuple(notes))


def _rows(head: Head) -> tuple[Any, Any, Any, str]:
    """Made-up labels, the same one-hot, answers to them, and which losses such labels take.

    There are more rows than outputs, so that what has the shape (rows,) is one for each row, and what doesn't fit
    fails instead of being broadcast.
    """
    rows = 3 + (head.outputs == 3 if head.is_spread else head.outputs)  # pictures are large
    shape = head.shape if head.is_spread else (head.outputs,)
    if head.target.positions and len(shape) == len(head.target.positions):
        shape = (*shape, 1)
    answers = np.full((rows, *shape), 1 / head.outputs, np.float32)
    if head.target.kind == "classes" and not head.is_binary:
        labels = np.arange(rows * math.prod(shape[:-1])).reshape(rows, *shape[:-1]) % head.outputs
        words = (
            "Labels that are classes take sparse_categorical_crossentropy or categorical_crossentropy (or auto); load "
            "them one-hot for others."
        )
        return labels, np.eye(head.outputs, dtype=np.float32)[labels], answers, words
    zeros = np.zeros((rows, *shape), np.float32)
    if head.target.kind == "numbers":
        return zeros, zeros, answers, "Labels that are numbers take mse, mae, huber or log_cosh (or auto)."
    return zeros, zeros, answers / 2, "Such labels take binary_crossentropy (or auto)."


def _check_dtypes(job: Job, model: Any) -> None:
    """Refuse rows that the model's inputs can't hold as they are."""
    dtypes = input_dtypes(model)
    for split in job.dataset.splits:
        x, _ = open_rows(job.dataset, split)
        if x.dtype.names is None and len(dtypes) == 1:
            check_dtype(x, next(iter(dtypes.values())), f"the {split} rows of {job.dataset.name!r}")
        for name in set(x.dtype.names or ()) & set(dtypes):
            check_dtype(x[name], dtypes[name], f"{name!r} in the {split} rows of {job.dataset.name!r}")


def _is_of_each(loss: str) -> bool:
    """Whether a loss is of each of an answer's numbers, so that it takes as many labels."""
    return "mse" in loss or loss.startswith("binary")


def _are_shares(head: Head, job: Job) -> bool:
    """Whether what is to be learnt lies between 0 and 1, as the greys of a picture do."""
    for split in job.dataset.splits:
        _, y = open_rows(job.dataset, split)
        own = y[head.name] if y.dtype.names else y
        if own.min() < 0 or own.max() > 1:
            return False
    return True


def _are_probabilities(head: Head, job: Job) -> bool:
    """Whether what is to be learnt are the probabilities of classes, which sum to 1 in each row."""
    for split in job.dataset.splits:
        _, y = open_rows(job.dataset, split)
        own = np.asarray(y[head.name] if y.dtype.names else y, np.float64)
        if own.ndim < 2 or own.min() < 0 or np.abs(own.sum(axis=-1) - 1).max() > 1e-3:
            return False
    return True


def _check_loss(head: Head, job: Job) -> list[str]:
    """What is to be said of a loss that fits."""
    labels, one_hot, answers, expected = _rows(head)
    name = head.loss_name
    plain = name.lower().replace("_", "")
    does_not_fit = {
        "classes": "categorical" in plain if head.is_binary else not head.target.one_hot and _is_of_each(plain),
        "numbers": "crossentropy" in plain or "hinge" in plain,
    }
    is_of_shares = head.target.kind == "numbers" and (
        (plain.startswith("binary") and _are_shares(head, job))
        or (plain.startswith("categorical") and "crossentropy" in plain and _are_probabilities(head, job))
    )
    if not head.is_own_loss and does_not_fit.get(head.target.kind, False) and not is_of_shares:
        raise InputError(f"The loss {name!r} doesn't fit the labels, which are {head.target.kind}. {expected}")
    came = _try(
        f"loss {name!r}", head.is_own_loss, expected, head.loss, one_hot if head.wants_one_hot else labels, answers
    )
    if came[:1] not in ((len(labels),), ()):
        expected = "" if head.is_own_loss else f" {expected}"
        raise InputError(
            f"The loss {name!r} gives the shape {came} for {len(labels)} rows: it must give a number for each row, "
            f"shape (rows,), or one for all.{expected}"
        )
    if came:
        return []
    return [
        f"The loss {name!r} is one number for all rows: of each rank's share of a step, or with --strategy single of "
        "the whole step."
    ]


def _check_metric(head: Head, reported: Reported) -> None:
    import tensorflow as tf

    labels, one_hot, answers, _ = _rows(head)
    metric = reported.metric
    what, wanted = f"metric {metric.name!r}", one_hot if reported.one_hot else labels
    is_own = metric.name in head.own_metrics
    if "sample_weight" not in inspect.signature(type(metric).update_state).parameters:
        raise InputError(
            f"The {what} must take update_state(y_true, y_pred, sample_weight=None): rows may count nothing."
        )
    function = head.own_metrics.get(metric.name)
    if function is not None:
        came = _try(what, True, "", function, wanted.astype(np.float32), answers)
        if came[:1] not in ((len(labels),), ()):
            raise InputError(
                f"The {what} gives the shape {came} for {len(labels)} rows: it must give a number for each, or one "
                "for all."
            )
    counted = Counted(None, 1.0) if head.is_spread else None

    def tell(y: Any, answers: Any) -> Any:
        shown, given = Steps.for_metric(head, reported, y, answers)
        update(metric, shown, given, tf.ones(len(labels)), counted, answers[..., 0])
        return metric.result()

    came = _try(what, is_own, "", tell, labels, answers)
    metric.reset_state()
    if came != ():
        raise InputError(
            f"The {what} gives numbers of the shape {came}: use one that gives a single number, such as "
            "F1Score(average='macro')."
        )


def _try(what: str, is_own: bool, expected: str, function: Any, *arguments: Any) -> tuple[int, ...]:
    """The shape of what a function gives inside a graph, where it will be called."""
    import tensorflow as tf

    try:
        return tuple(np.shape(tf.function(function)(*map(tf.constant, arguments))))
    except Exception as error:
        if is_own:
            told, trace = summary(error), traceback.format_exc()
            if _runs(function, *arguments):
                told += " (it runs eagerly only, and steps run as graphs here: use TensorFlow's operations)"
            raise UserCodeError(f"The {what} raised {told}", trace) from None
        raise InputError(f"The {what} fails on such labels: {one_line(error)} {expected}".rstrip()) from None


def _runs(function: Any, *arguments: Any) -> bool:
    """Whether a function does its work outside of a graph."""
    import tensorflow as tf

    try:
        function(*map(tf.constant, arguments))
    except Exception:
        return False
    return True
