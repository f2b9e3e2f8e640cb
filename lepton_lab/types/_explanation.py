"""Why a model answers as it does."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lepton_lab.charts import bars
from lepton_lab.display import Shown, Table, duration, place

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class ExplainedRow:
    """One row's answer, and how well its explanation adds up."""

    row: int
    """Its number in the split."""
    label: str
    """What is true of it."""
    explains: str
    """The class, label or number whose score is explained: the model's answer, unless another was asked for."""
    score: float
    """The log-odds of that class or label, log(p / (1 - p)); of numbers, the number itself."""
    expected: float | None = None
    """The score of what the row is compared with: a baseline, or the mean over training rows; None without one."""
    error: float | None = None
    """By how much the row's attributions sum to more than `score - expected`."""
    features: tuple[tuple[str, float], ...] = ()
    """What counts most, for or against, by name; empty where a picture's pixels count one by one."""


@dataclass(frozen=True)
class Feature:
    """What a column, or a patch of pictures, counts over all rows."""

    name: str
    value: float
    """Of `permutation` the metric's mean drop; of the others the mean absolute attribution."""
    deviation: float
    """Standard deviation, over the repeats or over the rows."""


@dataclass(frozen=True)
class Explanation(Shown):
    """Why a model answers rows as it does, with all numbers in a file."""

    model: str
    source: str
    """The rows, for a person: `"digits/test"`."""
    method: str
    path: Path
    """The `.npy` file with `values`."""
    explains: str
    """What the values are shares of: `"log-odds"`, the target's name, or for `permutation` the metric."""
    num_rows: int
    seconds: float
    """The model's loading included."""
    rows: tuple[ExplainedRow, ...] = ()
    """Those explained one by one; empty for `permutation`, which explains the model."""
    features: tuple[Feature, ...] = ()
    """The ten that count most, the most first."""
    pictures: tuple[tuple[str, str, str], ...] = field(default=(), repr=False)
    """Caption, picture and heat map (PNG in base64) of rows, where rows are pictures."""
    notes: tuple[str, ...] = ()

    @property
    def values(self) -> NDArray[np.float32]:
        """All attributions, memory-mapped from `path`.

        float32 of shape (rows, *input_shape) for `integrated_gradients` and `shap_gradient`; (rows, height, width) for
        `grad_cam`; (rows, columns) or (rows, patches down, patches across) for `shap_kernel`; and the same with the
        repeats in place of the rows for `permutation`.
        """
        import numpy as np

        values: NDArray[np.float32] = np.load(self.path, mmap_mode="r", allow_pickle=False)
        return values

    def table(self) -> Table:
        adds_up = any(row.error is not None for row in self.rows)
        named = any(row.features for row in self.rows)
        unit = self.explains if self.explains == "log-odds" else "score"
        header = ("row", "label", "explains", unit, *(("expected", "error") if adds_up else ()))
        rows = [
            (
                row.row,
                row.label,
                row.explains,
                f"{row.score:.4g}",
                *((f"{row.expected:.4g}", f"{row.error:+.2g}") if row.expected is not None else ()),
                *((", ".join(f"{name} {value:+.3g}" for name, value in row.features),) if named else ()),
            )
            for row in self.rows
        ]
        worse = "grows" if self.explains.endswith("mae") else "drops"
        counts = f"by how much {self.explains} {worse}" if not self.rows else f"mean share of the {self.explains}"
        most = max((abs(feature.value) for feature in self.features), default=0.0) or 1.0
        numbers = [f"{feature.value:.4g} ± {feature.deviation:.2g}" for feature in self.features]
        drawn = [(f.name, f.value / most, number) for f, number in zip(self.features, numbers, strict=True)]
        listed = [f"{counts}: {', '.join(f'{name} {number}' for name, _, number in drawn)}"] if rows and drawn else []
        if not rows:
            header, rows = ("", counts), [(name, number) for name, _, number in drawn]
        meaning = (
            "orange speaks for it, blue against it" if self.rows else "the stronger the orange, the more it counts"
        )
        colours = [f"{meaning}; each map by its own greatest value"] if self.pictures else []
        return Table(
            f"{self.model} on {self.source}: {self.method}",
            (*header, *(("what counts most",) if named else ())) if rows else (),
            rows,
            notes=[
                *self.notes,
                *listed,
                *colours,
                f"{self.num_rows:,} rows in {duration(self.seconds)}; all values in {place(self.path)}",
            ],
            images=self.pictures,
            figures=[bars(counts, drawn)] if drawn else [],
            is_drawn=not self.rows,
        )
