"""Keras's callbacks in our loop.

They run in the first rank only, on a plain copy of the model that gets the run's weights before each call. What they
decide (to stop, another learning rate, other weights) is then handed to all ranks, so that these can't come apart.
Called are: on_train_begin, on_epoch_begin, on_epoch_end, on_train_end. Hooks on batches are not: several steps are one
call of TensorFlow here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lepton_lab.errors import InputError
from lepton_lab.runtime import is_keras3, own_names_in
from lepton_lab.train import _parts
from lepton_lab.train._job import Job
from lepton_lab.train._make import Own, make
from lepton_lab.train._optimizer import has_schedule

Decision = tuple[bool, float | None, list[Any] | None]
"""Whether to stop, the learning rate if it is another one, and the weights if they are others."""

_PER_BATCH = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
_NOT_HERE = {
    "BackupAndRestore": "a run has checkpoints of its own, see --checkpoint-seconds",
    "TensorBoard": "a run's folder has TensorBoard's logs already, in tensorboard",
    "ProgbarLogger": "a run shows its progress itself",
    "SidecarEvaluatorModelExport": "use ModelCheckpoint",
}
"""Callbacks of Keras that are of no use, with the reason."""


class Callbacks:
    """The callbacks of a run.

    Parameters
    ----------
    plain
        A copy of the model that belongs to no strategy.
    optimizer
        One like the run's, for its learning rate.
    """

    def __init__(self, job: Job, plain: Any, optimizer: Any) -> None:
        own = own_names_in(job.code)
        self.callbacks = [_made(part, own) for part in job.callbacks]
        self.plain = plain
        if is_keras3(plain):
            _take_tf_keras(plain, optimizer)
        else:
            plain.compile(optimizer=optimizer)
        for callback in self.callbacks:
            callback.set_model(plain)
            callback.set_params({"epochs": job.epochs, "steps": job.steps, "verbose": 0})

    def check(self, names: list[str]) -> None:
        """Refuse a callback that watches what the run doesn't have, or sets what it can't set.

        Raises
        ------
        InputError
            Says what it has.
        """
        for callback in self.callbacks:
            if is_keras3(self.plain):
                _check_path(callback)
            kind, watched = type(callback).__name__, getattr(callback, "monitor", None)
            if isinstance(watched, str) and watched not in names and _watches(callback):
                hint = ": hold rows out with --validation 0.1" if watched.startswith("val_") else ""
                raise InputError(f"{kind} watches {watched!r}, but the run has {', '.join(names)}{hint}.")
            if kind in ("LearningRateScheduler", "ReduceLROnPlateau") and has_schedule(self.plain.optimizer):
                raise InputError(f"{kind} sets the learning rate, which follows a schedule: leave one of the two out.")

    def begin(self, learning_rate: float | None, weights: list[Any], is_new: bool) -> None:
        """Before the first epoch of this process; of the whole run where `is_new`."""
        self._sync(learning_rate, weights)
        for callback in self.callbacks:
            memory = vars(callback).copy()
            callback.on_train_begin({})
            if not is_new:  # it has begun long ago, and what it remembers was brought back already
                vars(callback).update(memory)

    def epoch_begin(self, epoch: int, learning_rate: float | None, weights: list[Any]) -> Decision:
        """Before an epoch, counted from 1."""
        return self._ask("on_epoch_begin", learning_rate, weights, epoch - 1, {})

    def epoch_end(
        self, epoch: int, logs: Mapping[str, float], learning_rate: float | None, weights: list[Any]
    ) -> Decision:
        """After an epoch, counted from 1."""
        return self._ask("on_epoch_end", learning_rate, weights, epoch - 1, dict(logs))

    def end(self, learning_rate: float | None, weights: list[Any]) -> Decision:
        """After the last epoch."""
        return self._ask("on_train_end", learning_rate, weights, {})

    def remember(self) -> tuple[list[dict[str, Any]], dict[str, list[Any]]]:
        """What the callbacks remember: plain values for each, and arrays by group."""
        memories, arrays = [], {}
        for number, callback in enumerate(self.callbacks):
            plain = {}
            for name, value in vars(callback).items():
                if isinstance(value, np.generic):
                    value = value.item()
                if value is None or isinstance(value, bool | int | float | str):
                    plain[name] = value
                elif isinstance(value, list) and value and all(isinstance(item, np.ndarray) for item in value):
                    arrays[f"callback{number}_{name}"] = value
            memories.append(plain)
        return memories, arrays

    def recall(self, memories: tuple[Mapping[str, Any], ...], arrays: Mapping[str, list[Any]]) -> None:
        """Give the callbacks back what they remembered."""
        for number, (callback, plain) in enumerate(zip(self.callbacks, memories, strict=True)):
            vars(callback).update(plain)
            prefix = f"callback{number}_"
            for group, values in arrays.items():
                if group.startswith(prefix):
                    setattr(callback, group.removeprefix(prefix), values)

    def _sync(self, learning_rate: float | None, weights: list[Any]) -> None:
        self.plain.set_weights(weights)
        self.plain.stop_training = False
        if learning_rate is not None:
            self.plain.optimizer.learning_rate.assign(learning_rate)

    def _ask(self, name: str, learning_rate: float | None, weights: list[Any], *arguments: Any) -> Decision:
        self._sync(learning_rate, weights)
        for callback in self.callbacks:
            getattr(callback, name)(*arguments)
            if name == "on_epoch_end" and type(callback).__name__ == "TerminateOnNaN":
                callback.on_batch_end(*arguments)  # Keras asks it after every batch
        now = self.plain.get_weights()
        same = all(np.array_equal(a, b, equal_nan=True) for a, b in zip(now, weights, strict=True))
        rate = None if learning_rate is None else float(self.plain.optimizer.learning_rate.numpy())
        changed = rate if rate is not None and rate != np.float32(learning_rate) else None
        return bool(self.plain.stop_training), changed, None if same else now


def _take_tf_keras(plain: Any, optimizer: Any) -> None:
    """Have a model of Keras 3 do what tf_keras's callbacks ask of theirs: they set the rate, and save with options."""
    save, save_weights = plain.save, plain.save_weights
    plain.optimizer = optimizer
    plain.save = lambda path, overwrite=True, **options: save(path, overwrite=overwrite)
    plain.save_weights = lambda path, overwrite=True, **options: save_weights(path, overwrite=overwrite)


def _check_path(callback: Any) -> None:
    """Refuse a ModelCheckpoint whose file is none that Keras 3 writes."""
    suffix = ".weights.h5" if getattr(callback, "save_weights_only", False) else ".keras"
    path = str(getattr(callback, "filepath", suffix))
    if type(callback).__name__ == "ModelCheckpoint" and not path.endswith(suffix):
        raise InputError(f"ModelCheckpoint saves to {path!r}, but the model is one of Keras 3: end it with {suffix}.")


def _made(part: Any, own: Own) -> Any:
    """A callback that can be used here."""
    name = _parts.name_of(part)
    if name in _NOT_HERE and not _parts.is_own(part):
        raise InputError(f"The callback {name} can't be used here: {_NOT_HERE[name]}.")
    if hook := next((hook for hook in _PER_BATCH if isinstance(part, dict) and hook in part.get("config", {})), ""):
        raise _deaf(name, hook)
    callback = make("callback", part, own)
    if not hasattr(callback, "set_model"):
        raise InputError(f"The callback {name} is a {type(callback).__name__}: give callbacks of Keras.")
    if hook := _batch_hook(callback):
        raise _deaf(name, hook)
    return callback


def _deaf(name: str, hook: str) -> InputError:
    return InputError(
        f"The callback {name} wants {hook}, but several batches are one call here: use on_epoch_begin or on_epoch_end."
    )


def _batch_hook(callback: Any) -> str:
    """What a callback wants to hear of batches; empty if nothing."""
    if type(callback).__name__ == "ModelCheckpoint" and getattr(callback, "save_freq", "epoch") != "epoch":
        return f"save_freq={callback.save_freq}"
    for name in _PER_BATCH:
        home = next((base for base in type(callback).__mro__ if name in vars(base)), None)
        if home is not None and _parts.type_module(home) not in ("keras", "tf_keras"):
            return name
    return ""


def _watches(callback: Any) -> bool:
    """Whether what a callback has as `monitor` matters: a ModelCheckpoint that saves always looks at nothing."""
    return bool(getattr(callback, "save_best_only", True))
