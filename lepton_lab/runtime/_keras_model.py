"""A `.keras` file, run by tf_keras or, where that wrote it, by Keras 3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from lepton_lab.runtime._base import MASKED, Port, as_answers, as_inputs
from lepton_lab.runtime._keras import load_keras
from lepton_lab.runtime._keras3 import input_names


class KerasModel:
    """Runs a `.keras` file, which may have several inputs and outputs.

    Parameters
    ----------
    path, code
        As for `load_keras`.
    threads
        How many threads one operation may use.
    marks_masked
        Whether to answer `MASKED` for steps that are masked.
    """

    def __init__(
        self, path: Path, code: Path | None = None, threads: int | None = None, *, marks_masked: bool = False
    ) -> None:
        import tensorflow as tf

        if threads is not None:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
        self._model = load_keras(path, code)
        self._traced: Any = None
        self._marks_masked = marks_masked

    @property
    def inputs(self) -> tuple[Port, ...]:
        """The model's inputs; Keras and the file call them the same."""
        return tuple(map(_port, input_names(self._model), self._model.inputs))

    @property
    def outputs(self) -> tuple[Port, ...]:
        """The model's outputs, by the names that its answers have."""
        return tuple(map(_port, self._model.output_names, self._model.outputs))

    @property
    def num_parameters(self) -> int:
        """As Keras counts them."""
        return int(self._model.count_params())

    def run(self, rows: NDArray[Any]) -> NDArray[Any]:
        """The model's answers; see `OpenedModel.run`."""
        import tensorflow as tf

        batch: Any = as_inputs(rows, self.inputs)
        if rows.dtype.names is None:
            (batch,) = batch.values()
        if self._traced is None:
            # Traced once, for any number of rows: half as fast again as calling the model step by step.
            spec = tf.nest.map_structure(_spec, batch)
            self._traced = tf.function(self._answer, input_signature=[spec])
        answers: Any = self._traced(batch)
        return as_answers(dict(zip(self._model.output_names, tf.nest.flatten(answers), strict=True)))

    def _answer(self, batch: Any) -> Any:
        """In the graph."""
        import tensorflow as tf

        answers = self._model(batch, training=False)
        return tf.nest.map_structure(_with_masked, answers) if self._marks_masked else answers


def _spec(array: NDArray[Any]) -> Any:
    import tensorflow as tf

    return tf.TensorSpec((None, *array.shape[1:]), tf.string if array.dtype.kind in "US" else array.dtype)


def _with_masked(answer: Any) -> Any:
    """The answer with `MASKED` where its mask says so."""
    import tensorflow as tf

    mask = getattr(answer, "_keras_mask", None)
    if mask is None or mask.shape.rank >= answer.shape.rank:
        return answer
    for _ in range(answer.shape.rank - mask.shape.rank):
        mask = mask[..., None]
    return tf.where(mask, tf.cast(answer, tf.float32), MASKED)


def _port(name: str, tensor: Any) -> Port:
    import tensorflow as tf

    shape = tuple(-1 if size is None else int(size) for size in tensor.shape)
    return Port(name, name, shape, tf.as_dtype(tensor.dtype).name)
