"""What a model that was opened from its file can do, whichever program runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lepton_lab.runtime._dtypes import as_dtype
from lepton_lab.types import fields, records

MASKED = float(np.finfo(np.float32).max)
"""What stands for the answer of a step that the model's layers mask, as Embedding(mask_zero=True) does, where it is to
be told from others: neither loss nor metrics count it."""


@dataclass(frozen=True)
class Port:
    """An input or output of a model's file."""

    name: str
    """As the Keras model calls it."""
    tensor: str
    """As the file calls it; which name it gets depends on how the file was made."""
    shape: tuple[int, ...]
    """With the batch as its first dimension; -1 where any number of rows may come."""
    dtype: str


class OpenedModel(Protocol):
    """A model that is ready to answer; not to be shared between threads."""

    @property
    def inputs(self) -> tuple[Port, ...]:
        """What goes in."""
        ...

    @property
    def outputs(self) -> tuple[Port, ...]:
        """What comes out."""
        ...

    @property
    def num_parameters(self) -> int:
        """How many numbers it has learnt, as far as its file tells them from others."""
        ...

    def run(self, rows: NDArray[Any]) -> NDArray[Any]:
        """The answers to raw rows.

        Parameters
        ----------
        rows
            Shape (n, *input_shape), of any dtype whose values the model's input can hold; records of shape (n,) by the
            inputs' names where there are several.

        Returns
        -------
        Answers, shape (n, *output_shape), float32; records of shape (n,) by the outputs' names where there are several.
        """
        ...


def as_inputs(rows: NDArray[Any], inputs: Sequence[Port]) -> dict[str, NDArray[Any]]:
    """The rows of each input by its name, in its dtype; raises InputError where that can't hold them."""
    if rows.dtype.names is None:
        (port,) = inputs
        return {port.name: as_dtype(np.asarray(rows), port.dtype)}
    parts = fields(rows)
    return {port.name: as_dtype(parts[port.name], port.dtype, repr(port.name)) for port in inputs}


def as_answers(answers: Mapping[str, Any]) -> NDArray[Any]:
    """What each output says, by its name, as `OpenedModel.run` returns it."""
    floats = {name: np.asarray(answer, np.float32) for name, answer in answers.items()}
    return records(floats) if len(floats) > 1 else next(iter(floats.values()))
