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
from lepton_lab.train import _parts
from lepton_lab.train._job import Job

Decision = tuple[bool, float | None, list[Any] | None]
"""Whether to stop, the learning rate if it is another one, and the weights if they are others."""

_PER_BATCH = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")


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
        import tf_keras

        self.callbacks = [_parts.make("callback", part) for part in job.callbacks]
        for callback in self.callbacks:
            if not hasattr(callback, "set_model"):
                raise InputError(f"A callback is a {type(callback).__name__}: give callbacks of Keras.")
            changed = [name for name in _PER_BATCH if _overrides(callback, name, tf_keras.callbacks.Callback)]
            if changed and _parts.type_module(type(callback)) not in ("keras", "tf_keras"):
                raise InputError(
                    f"The callback {type(callback).__name__} wants {changed[0]}, but several batches are one call here: "
                    "use on_epoch_begin or on_epoch_end."
                )
        self.plain = plain
        plain.compile(optimizer=optimizer)
        for callback in self.callbacks:
            callback.set_model(plain)
            callback.set_params({"epochs": job.epochs, "steps": job.steps, "verbose": 0})

    def check(self, names: list[str]) -> None:
        """Refuse a callback that watches what the run doesn't have.

        Raises
        ------
        InputError
            Says what it has.
        """
        for callback in self.callbacks:
            watched = getattr(callback, "monitor", None)
            if isinstance(watched, str) and watched not in names:
                hint = ": hold rows out with --validation 0.1" if watched.startswith("val_") else ""
                raise InputError(
                    f"{type(callback).__name__} watches {watched!r}, but the run has {', '.join(names)}{hint}."
                )

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
        now = self.plain.get_weights()
        same = all(np.array_equal(a, b, equal_nan=True) for a, b in zip(now, weights, strict=True))
        rate = None if learning_rate is None else float(self.plain.optimizer.learning_rate.numpy())
        changed = rate if rate is not None and rate != np.float32(learning_rate) else None
        return bool(self.plain.stop_training), changed, None if same else now


def _overrides(callback: Any, name: str, base: type) -> bool:
    return getattr(type(callback), name, None) is not getattr(base, name, None) and hasattr(type(callback), name)
