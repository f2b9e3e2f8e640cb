"""What a model that was opened from its file can do, whichever program runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray


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
        """The answers to raw rows of shape (n, *input_shape): shape (n, *output_shape), float32."""
        ...
