"""A model's answers to rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton_lab.display import Shown, Table, duration, place

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Prediction(Shown):
    """What a model answers to rows, in a file."""

    model: str
    source: str
    """The rows, for a person: `"digits/test"`, or `"rows of the notebook"`."""
    path: Path
    """The `.npy` file with the answers."""
    rows: int
    seconds: float
    """From the first byte read to the last answer written, loading the model included."""
    workers: tuple[str, ...] = ()
    """Names of the workers that took part; empty where one process of this host did all."""
    class_names: tuple[str, ...] = ()
    """In the order of the answers' columns, where the target is classes."""
    preview: tuple[tuple[object, ...], ...] = ()
    """The first rows, as the table shows them: the row's number, its class with its probability (or its numbers), and
    its label where it is known."""

    @property
    def rate(self) -> float:
        """Rows per second."""
        return self.rows / max(self.seconds, 1e-9)

    @property
    def answers(self) -> NDArray[np.float32]:
        """All answers, shape (rows, *output_shape), float32; memory-mapped from `path`."""
        import numpy as np

        answers: NDArray[np.float32] = np.load(self.path, mmap_mode="r", allow_pickle=False)
        return answers

    @property
    def classes(self) -> NDArray[np.int64] | None:
        """The number of each row's class, shape (rows,); None where the answers are no classes."""
        return choose(self.answers)[0] if self.class_names else None

    @property
    def names(self) -> NDArray[np.str_] | None:
        """The name of each row's class, shape (rows,); None where the answers are no classes."""
        import numpy as np

        classes = self.classes
        return None if classes is None else np.asarray(self.class_names)[classes]

    def table(self) -> Table:
        label = ("label",) if self.preview and len(self.preview[0]) > (3 if self.class_names else 2) else ()
        where = f"on {', '.join(self.workers)}" if self.workers else "in one process of this host"
        notes = [f"... and {self.rows - len(self.preview):,} more"] if self.rows > len(self.preview) else []
        notes += [
            f"{self.rows:,} rows in {duration(self.seconds)}, {self.rate:,.0f} rows/s, {where}",
            f"answers in {place(self.path)}",
        ]
        return Table(
            f"{self.model} on {self.source}",
            ("row", *(("class", "probability") if self.class_names else ("answer",)), *label),
            self.preview,
            notes=notes,
        )


def choose(answers: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Each row's class and its probability; one number a row is the probability of the second of two classes."""
    import numpy as np

    answers = answers.reshape(len(answers), -1)
    if answers.shape[1] == 1:
        answers = np.concatenate([1 - answers, answers], axis=1)
    return answers.argmax(axis=1), answers.max(axis=1)
