"""Whether a run could start, told before any work is done; runs in a process that has TensorFlow."""

from __future__ import annotations

import inspect
import traceback
from typing import Any

import numpy as np

from lepton_lab.errors import InputError, UserCodeError
from lepton_lab.forkserver._child import summary
from lepton_lab.runtime import load_keras, one_line
from lepton_lab.train._job import Job
from lepton_lab.train._optimizer import make_optimizer
from lepton_lab.train._precision import with_precision
from lepton_lab.train._step import Head, log_names, make_heads, targets_of


def check(job: Job) -> None:
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
    for name, target, outputs in targets_of(job, model):
        if outputs != target.num_outputs and not (outputs == 1 and target.num_outputs == 2):
            where = f" at the output {name!r}" if name else ""
            raise InputError(
                f"The model gives {outputs} numbers a row{where}, but the labels need {target.num_outputs}."
            )
    heads = make_heads(job, model)
    for head in heads:
        _check_loss(head)
        for metric, wants_one_hot in head.metrics:
            _check_metric(head, metric, wants_one_hot)
    with_precision(model, job.precision)
    if job.callbacks:
        Callbacks(job, model, optimizer).check(log_names(job, heads, optimizer))


def _rows(head: Head) -> tuple[Any, Any, Any, str]:
    """Made-up labels, the same one-hot, answers to them, and which losses such labels take.

    There are more rows than outputs, so that what has the shape (rows,) is one for each row, and what doesn't fit
    fails instead of being broadcast.
    """
    rows = head.outputs + 3
    answers = np.full((rows, head.outputs), 1 / head.outputs, np.float32)
    if head.target.kind == "classes" and not head.is_binary:
        labels = np.arange(rows) % head.outputs
        words = "Labels that are classes take sparse_categorical_crossentropy or categorical_crossentropy (or auto)."
        return labels, np.eye(head.outputs, dtype=np.float32)[labels], answers, words
    zeros = np.zeros((rows, head.outputs), np.float32)
    if head.target.kind == "numbers":
        return zeros, zeros, answers, "Labels that are numbers take mse, mae, huber or log_cosh (or auto)."
    return zeros, zeros, answers / 2, "Such labels take binary_crossentropy (or auto)."


def _check_loss(head: Head) -> None:
    labels, one_hot, answers, expected = _rows(head)
    name = head.loss_name
    plain = name.lower().replace("_", "")
    does_not_fit = {
        "classes": "categorical" in plain if head.is_binary else "mse" in plain,
        "numbers": "crossentropy" in plain or "hinge" in plain,
    }
    if not head.is_own_loss and does_not_fit.get(head.target.kind, False):
        raise InputError(f"The loss {name!r} doesn't fit the labels, which are {head.target.kind}. {expected}")
    came = _try(
        f"loss {name!r}", head.is_own_loss, expected, head.loss, one_hot if head.wants_one_hot else labels, answers
    )
    if came[:1] != (len(labels),):
        expected = "" if head.is_own_loss else f" {expected}"
        raise InputError(
            f"The loss {name!r} gives the shape {came} for {len(labels)} rows: it must give a number for each row, "
            f"shape (rows,).{expected}"
        )


def _check_metric(head: Head, metric: Any, wants_one_hot: bool) -> None:
    labels, one_hot, answers, _ = _rows(head)
    what, wanted = f"metric {metric.name!r}", one_hot if wants_one_hot else labels
    is_own = metric.name in head.own_metrics
    if "sample_weight" not in inspect.signature(type(metric).update_state).parameters:
        raise InputError(
            f"The {what} must take update_state(y_true, y_pred, sample_weight=None): rows may count nothing."
        )
    function = head.own_metrics.get(metric.name)
    if function is not None:
        came = _try(what, True, "", function, wanted.astype(np.float32), answers)
        if came[:1] != (len(labels),):
            raise InputError(
                f"The {what} gives the shape {came} for {len(labels)} rows: it must give a number for each."
            )
    weights = np.ones(len(labels), np.float32)

    def update(y: Any, answers: Any) -> Any:
        metric.update_state(y, answers, sample_weight=weights)
        return metric.result()

    came = _try(what, is_own, "", update, wanted, answers)
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
            raise UserCodeError(f"The {what} raised {summary(error)}", traceback.format_exc()) from None
        raise InputError(f"The {what} fails on such labels: {one_line(error)} {expected}".rstrip()) from None
