"""The metrics of classes that each position of a row has: masks, and sequences with a class per step.

There are far more positions than rows, so they are counted a block of rows at a time, and what would need all of them
sorted (AUC, calibration) is left out. Positions without a class, and steps that the model masks, count nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import InputError
from lepton_lab.runtime import known_positions, score_rows
from lepton_lab.types import Breakdown, ClassScore, Target

_BLOCK_NUMBERS = 2**24


def measure_positions(
    answers: NDArray[Any], targets: NDArray[Any], target: Target, whose: str = "", are_logits: bool = False
) -> tuple[dict[str, float], tuple[str, ...], Breakdown]:
    """How good answers at each position are.

    Parameters
    ----------
    answers
        Shape (rows, *positions, classes), or of two classes (rows, *positions) or (rows, *positions, 1).
    targets
        Whole numbers of shape (rows, *positions), -1 where a position has no class.
    target, whose, are_logits
        As for `score_rows`.

    Returns
    -------
    The metrics over all positions together: accuracy, loss, `mean_iou` (the mean over classes of true positives by true
    positives, false positives and false negatives, as Keras's `MeanIoU` has it), precision, recall and f1 as means over
    the classes that there are; a note for each class without a position; the classes, with what was taken for what.

    Raises
    ------
    InputError
        If a position has another number of answers than there are classes.
    """
    num_classes, positions = len(target.classes), max(1, targets[0].size)
    outputs = answers[0].size // positions
    if outputs != num_classes and not (outputs == 1 and num_classes == 2) and outputs < num_classes:
        raise InputError(
            f"The model answers{whose} with {outputs} numbers a position, but there are {num_classes} classes; name "
            "the data set that the model was made for."
        )
    width = max(outputs, num_classes)
    confusion = np.zeros((width, width), np.int64)
    loss, total = 0.0, 0
    step = max(1, _BLOCK_NUMBERS // max(1, answers[0].size))
    for start in range(0, len(targets), step):
        own, truth = np.asarray(answers[start : start + step]), np.asarray(targets[start : start + step])
        flat = own.reshape(-1, outputs)
        known = known_positions(own, truth).ravel()
        count = int(known.sum())
        if not count:
            continue
        loss += float(score_rows(own, truth, "classes", whose, are_logits)["loss"].mean()) * count
        total += count
        threshold = 0.0 if are_logits else 0.5
        chosen = flat.argmax(axis=1) if outputs > 1 else (flat[:, 0] > threshold).astype(np.int64)
        pairs = truth.ravel()[known].astype(np.int64) * width + chosen[known]
        confusion += np.bincount(pairs, minlength=width * width).reshape(width, width)
    if not total:
        raise InputError(f"No position of these rows has a class{whose}: name a split with some.")
    support, answered, right = confusion.sum(axis=1), confusion.sum(axis=0), confusion.diagonal()
    metrics = {"accuracy": float(right.sum() / total), "loss": loss / total}
    together = support + answered - right
    metrics["mean_iou"] = float((right[together > 0] / together[together > 0]).mean())
    scores = tuple(
        ClassScore(
            name,
            int(support[n]),
            float(right[n] / max(answered[n], 1)),
            float(right[n] / support[n]) if support[n] else None,
            float(2 * right[n] / (support[n] + answered[n])) if support[n] else None,
            None,
        )
        for n, name in enumerate(target.classes)
    )
    for name in ("precision", "recall", "f1"):
        metrics[name] = float(np.mean([getattr(score, name) for score in scores if score.rows]))
    absent = [score.name for score in scores if not score.rows]
    notes = [f"no position has the class {', '.join(absent[:5])}: means are of the others"] if absent else []
    if total < targets.size:
        notes.append(
            f"{targets.size - total:,} of {targets.size:,} positions have no class, or are masked, and don't count"
        )
    told = tuple(
        (int(true), int(answer), int(confusion[true, answer])) for true, answer in np.argwhere(confusion).tolist()
    )
    names = target.classes + tuple(map(str, range(num_classes, width)))
    more = tuple(ClassScore(name, 0, 0.0, None, None, None) for name in names[num_classes:])
    return metrics, tuple(notes), Breakdown(target.name, "classes", scores + more, told)


def peak_signal_to_noise(answers: NDArray[Any], targets: NDArray[Any]) -> tuple[float, str]:
    """The mean over pictures of 10 log10(range^2 / mse) in decibels, as `tf.image.psnr` has it, and which range.

    The range is 1 or 255 where the targets lie in 0 to that, else what they span; a picture that is met exactly has the
    100 dB that are as good as any.
    """
    low, high = float(targets.min()), float(targets.max())
    span = 1.0 if low >= 0 and high <= 1 else 255.0 if low >= 0 and high <= 255 else high - low
    errors = score_rows(answers, targets, "numbers")["mse"]
    decibels = 10 * np.log10(span**2 / np.maximum(errors, span**2 * 1e-10))
    return float(decibels.mean()), f"psnr is by a range of {span:g}"
