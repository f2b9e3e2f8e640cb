"""What a technique that trains does within the training engine; see `Hook` in `train/_rank.py`, which calls it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray


class Hook:
    """The base of every technique's own hook: each method changes nothing until a technique says otherwise."""

    is_stepwise = True
    """Whether `before_step` is wanted before every single step; else the engine takes many in one call."""
    converts = False
    """Whether `to_tflite` makes a file, which may take long."""

    def prepare(self, model: Any, total_steps: int) -> Any:
        """The model to train instead; called under the strategy's scope.

        Parameters
        ----------
        model
            A tf_keras model with its weights.
        total_steps
            Training steps over all epochs, at least 1.
        """
        return model

    def before_step(self, step: int) -> None:
        """Called on the host before a step, counted over all epochs from 0."""

    def losses(self, rows: Any, losses: Mapping[str, Any], answers: Mapping[str, Any]) -> Mapping[str, Any]:
        """What to learn from instead of each row's loss; float32 (batch,) by the output's name, in the graph."""
        return losses

    def finish(self, model: Any) -> Any:
        """The model to save; called under the strategy's scope."""
        return model

    def to_tflite(self, plain: Any, weights: list[NDArray[Any]]) -> bytes | None:
        """The `.tflite` file that is the result instead of a Keras model, where there is one.

        Parameters
        ----------
        plain
            The model as it was before the training, outside of any strategy.
        weights
            What was learnt, as `get_weights` of the trained model gives it.
        """
        return None

    def report(self, model: Any) -> list[tuple[str, str]]:
        """Per layer of the finished model: its name, and what was done to it or why nothing was."""
        return []

    def state(self) -> list[NDArray[Any]]:
        """What it needs to go on, for a checkpoint."""
        return []

    def restore(self, state: list[NDArray[Any]]) -> None:
        """Take that up again."""
