"""Whether what a model ends in fits what it is to learn, and what its answers are: probabilities, logits or numbers.

Keras takes any loss on any answers. Crossentropy of logits that it takes for probabilities learns next to nothing, and
a relu can give no negative number; neither raises. So it is looked at before a run, where the config tells it, and
where it doesn't, by the model's answers to some rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import InputError
from lepton_lab.forkserver._child import resolve
from lepton_lab.runtime import LINEAR, LOGITS, NUMBERS, PROBABILITIES, Ending, cast_inputs, look_probable, read_endings
from lepton_lab.train import _parts
from lepton_lab.train._job import Job
from lepton_lab.types import Target, fields

_ROWS = 256
"""That are answered where the config doesn't tell what the answers are."""
_SHARES = ("softmax", "sigmoid", "hard_sigmoid")
_LOGITS = (LINEAR, "log_softmax", "log_sigmoid")
_LIMITED = {
    "relu6": (0.0, 6.0),
    **dict.fromkeys(_SHARES, (0.0, 1.0)),
    **dict.fromkeys(("tanh", "softsign"), (-1.0, 1.0)),
    **dict.fromkeys(("relu", "softplus", "exponential"), (0.0, np.inf)),
    **dict.fromkeys(("log_softmax", "log_sigmoid"), (-np.inf, 0.0)),
}
"""Activations that can't give every number, with the least and the greatest that they can give."""
_CROSSENTROPIES = (
    *("sparsecategoricalcrossentropy", "categoricalcrossentropy", "binarycrossentropy"),
    *("binaryfocalcrossentropy", "categoricalfocalcrossentropy"),
)
_OF_SHARES = ("kldivergence", "kullbackleiblerdivergence", "kld", "poisson")
"""Losses that take probabilities only."""
_DISTANCES = ("mse", "meansquarederror", "mae", "meanabsoluteerror", "huber", "logcosh", "msle", "mape")
"""Losses that bring an answer near to a label of 0 or 1, as if it were its probability."""


def find_answers(
    job: Job, model: Any, outputs: list[tuple[str, Target, int]], losses: Mapping[str, Any]
) -> tuple[dict[str, str], list[str]]:
    """What each output answers with, and what had to be assumed.

    Parameters
    ----------
    outputs
        As `_step.targets_of` gives them.
    losses
        Of each output by its name: the part, or `"auto"`.

    Raises
    ------
    InputError
        If an output's last activation can't give what its loss or its target needs; names the layer.
    """
    endings = read_endings(job.model_file)
    found: dict[str, str] = {}
    notes: list[str] = []
    for name, target, width in outputs:
        ending = endings.get(name) or Ending(name, None)
        one = _Output(job, model, name, target, width, ending, losses[name])
        found[name] = one.answers()
        notes += one.notes
    return found, notes


class _Output:
    """One output of the model that is to be trained."""

    def __init__(self, job: Job, model: Any, name: str, target: Target, width: int, ending: Ending, loss: Any) -> None:
        self.job, self.model, self.name, self.target, self.width = job, model, name, target, width
        self.layer, self.activation, self.loss = ending.layer, ending.activation, loss
        self.plain_loss = _parts.name_of(loss).lower().replace("_", "")
        self.notes: list[str] = []

    def answers(self) -> str:
        """One of `runtime`'s words for it."""
        if self.target.kind == "numbers":
            self._check_range()
            if self._takes_logits():
                ending = "softmax" if "categorical" in self.plain_loss else "sigmoid"
                raise self._contradiction(
                    f"answers with logits by the loss {self._written()}, but numbers are to be learnt: end it with "
                    f"{ending}, and leave from_logits out"
                )
            if self.width > 1 and self.plain_loss.startswith(("categorical", *_OF_SHARES[:3])):
                self.notes.append(
                    f"The target {self.target.name!r} are probabilities by row; evaluate measures them as numbers."
                )
            return NUMBERS
        if self.activation == "softmax" and self.width == 1:
            if len(self.target.classes) == 1:
                raise InputError(
                    f"All rows have the class {self.target.classes[0]!r}, so that there is nothing to learn: load rows "
                    "of other classes too, or load them with --task regression where they are numbers."
                )
            raise self._contradiction("gives 1 whatever the row is, since it has one number only: take sigmoid")
        if "sparse" in self.plain_loss and self.width == 1 and self._takes_logits() is not None:
            raise self._contradiction(
                f"gives one number a row, and the loss {self._written()} needs one for each class: take "
                f"binary_crossentropy, or {max(2, len(self.target.classes))} units"
            )
        if self.activation is None:
            return self._guessed()
        if self.activation in _SHARES:
            if self._takes_logits():
                raise self._contradiction(
                    f"ends in {self.activation}, but the loss {self._written()} takes logits: leave from_logits out, "
                    f"or {self.activation}"
                )
            if self.activation == "softmax" and self.target.kind == "labels" and self._is_of_each():
                raise self._contradiction(
                    "ends in softmax, whose numbers sum to 1, but any number of the labels may be true of a row: take "
                    "sigmoid"
                )
            return PROBABILITIES
        if self.activation in _LOGITS:
            return self._unlimited()
        is_known = self.loss == "auto" or self._takes_logits() is not None
        if is_known and (self._takes_logits() is not True or self.activation in _LIMITED):
            raise self._contradiction(
                f"ends in {self.activation}, which gives neither probabilities nor logits of {self.target.kind}: take "
                f"{self._fitting()}, or no activation"
            )
        return LOGITS

    def _unlimited(self) -> str:
        if self._takes_logits() is False:
            raise self._contradiction(
                f"has no {self._fitting()}, but the loss {self._written()} takes probabilities: say from_logits=True "
                "in the loss, leave the loss out, or end the model with one"
            )
        if self.plain_loss in _DISTANCES:
            return PROBABILITIES
        if self._takes_logits() is None:
            self.notes.append(
                f"The last layer {self.layer!r} has no {self._fitting()}: its answers are taken as logits."
            )
        return LOGITS

    def _guessed(self) -> str:
        """Where the config doesn't tell: by the loss, or by some answers."""
        if self._takes_logits():
            return LOGITS
        answers = self._some_answers()
        low, high = float(answers.min()), float(answers.max())
        is_probable = look_probable(answers)
        if self._takes_logits() is False and not is_probable:
            raise self._contradiction(
                f"answers {len(answers)} rows with {low:.3g} to {high:.3g}, but the loss {self._written()} takes "
                "probabilities: say from_logits=True in the loss, leave the loss out, or end the model with "
                f"{self._fitting()}"
            )
        kind = PROBABILITIES if is_probable or self.plain_loss in _DISTANCES else LOGITS
        self.notes.append(
            f"What the last layer {self.layer!r} gives can't be read from the model: its answers to {len(answers)} "
            f"rows go from {low:.3g} to {high:.3g}, so they are taken as {kind}."
        )
        return kind

    def _check_range(self) -> None:
        """Refuse an activation that can't give the numbers that are to be learnt."""
        if self.activation not in _LIMITED:
            return
        truth = self._truth()
        low, high = _LIMITED[self.activation]
        least, most = float(truth.min()), float(truth.max())
        if self.activation == "softmax":
            sums = np.asarray(truth, np.float64).reshape(-1, self.width).sum(axis=1)
            if self.width == 1 or np.abs(sums - 1).max() > 1e-3:
                raise self._contradiction(
                    f"ends in softmax, whose numbers sum to 1, but the target {self.target.name!r} is "
                    f"{self.target.describe()} that don't: take no activation"
                )
        if least < low or most > high:
            raise self._contradiction(
                f"ends in {self.activation}, which gives numbers from {low:g} to {high:g}, but the target "
                f"{self.target.name!r} goes from {least:.6g} to {most:.6g}: take no activation"
            )

    def _takes_logits(self) -> bool | None:
        """Whether the loss takes logits; None where it asks for neither logits nor probabilities."""
        if self.plain_loss in _OF_SHARES:
            return False
        if _parts.is_own(self.loss) or self.plain_loss not in _CROSSENTROPIES:
            return None
        if not isinstance(self.loss, Mapping):
            return False
        first = [*self.loss.get("args", ()), False][0] if "focal" not in self.plain_loss else False
        return bool(self.loss["config"].get("from_logits", first))

    def _is_of_each(self) -> bool:
        """Whether the loss asks for each label by itself."""
        return self.loss == "auto" or self.plain_loss.startswith("binary")

    def _fitting(self) -> str:
        """The activation that gives probabilities."""
        return "softmax" if self.target.kind == "classes" and self.width > 1 else "sigmoid"

    def _written(self) -> str:
        return _parts.text_of(self.loss)

    def _contradiction(self, why: str) -> InputError:
        where = f" of the output {self.name!r}" if self.name else ""
        return InputError(f"The last layer {self.layer!r}{where} {why}.")

    def _truth(self) -> NDArray[Any]:
        _, y = resolve(self.job.open_split)(self.job.dataset, "train")
        return fields(y)[self.name] if y.dtype.names else self.job.dataset.arrangement.targets(np.asarray(y))

    def _some_answers(self) -> NDArray[Any]:
        import tensorflow as tf

        x, _ = resolve(self.job.open_split)(self.job.dataset, "train")
        rows = self.job.dataset.arrangement.rows(np.asarray(x[:_ROWS]))
        given = fields(rows) if rows.dtype.names else rows
        answers = self.model(cast_inputs(self.model, tf.nest.map_structure(tf.constant, given)), training=False)
        if isinstance(answers, Mapping):
            answers = answers[self.name]
        elif isinstance(answers, list | tuple):
            answers = answers[self.model.output_names.index(self.name)]
        return np.asarray(answers)
