"""A model's answers to rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton_lab.display import Shown, Table, duration, place
from lepton_lab.types._answers import as_probabilities

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
    its label where it is known. Of several outputs what each says, with its name before."""
    images: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Where answers are pictures, caption and PNG (base64) of the first rows: the row, what is right, the answer."""
    kind: str = ""
    """Of the target, where the answers are logits of it: `classes` or `labels`; else empty."""
    notes: tuple[str, ...] = ()
    """What was put right in the rows."""

    @property
    def rate(self) -> float:
        """Rows per second."""
        return self.rows / max(self.seconds, 1e-9)

    @property
    def answers(self) -> NDArray[np.float32]:
        """All answers as the model gives them, logits among them; shape (rows, *output_shape), float32, memory-mapped
        from `path`. Of several outputs records of shape (rows,): `answers["price"]` is one."""
        import numpy as np

        answers: NDArray[np.float32] = np.load(self.path, mmap_mode="r", allow_pickle=False)
        return answers

    @property
    def probabilities(self) -> NDArray[Any]:
        """The same as probabilities, where the answers are logits; else the answers."""
        return as_probabilities(self.answers, self.kind) if self.kind else self.answers

    @property
    def classes(self) -> NDArray[np.int64] | None:
        """The number of each row's class, shape (rows,); None where the answers are no classes."""
        return choose(self.probabilities)[0] if self.class_names else None

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
        notes += ["pictures: the row, what is right (where it is known), the answer"] if self.images else []
        notes += [
            *self.notes,
            f"{self.rows:,} rows in {duration(self.seconds)}, {self.rate:,.0f} rows/s, {where}",
            f"answers in {place(self.path)}"
            + (", logits as the model gives them; .probabilities has what is shown here" if self.kind else ""),
        ]
        return Table(
            f"{self.model} on {self.source}",
            ("row", *(("class", "probability") if self.class_names else ("answer",)), *label),
            self.preview,
            notes=notes,
            images=self.images,
        )


def choose(answers: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Each row's class and its probability; one number a row is the probability of the second of two classes."""
    import numpy as np

    answers = answers.reshape(len(answers), -1)
    if answers.shape[1] == 1:
        answers = np.concatenate([1 - answers, answers], axis=1)
    return answers.argmax(axis=1), answers.max(axis=1)
