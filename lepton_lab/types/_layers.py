"""What the layers of a model are like."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lepton_lab.charts import bars
from lepton_lab.display import Shown, Table, place, size


@dataclass(frozen=True)
class LayerFigures:
    """A layer's weights, and how far its answers are from those of the float model."""

    name: str
    """As Keras calls it; of a file's operation the layers that it was made of: `stem + stem_norm + relu`."""
    kind: str
    """Keras's class, or TensorFlow Lite's name of the operation."""
    shapes: tuple[tuple[int, ...], ...]
    """Of its kernels: its weights without biases; of a layer without a kernel, of all that it has learned."""
    sparsity: float
    """The share of exact zeros in them."""
    num_values: int
    """How many different numbers the most varied of them has: as many as there are clusters where it was clustered."""
    weight_bits: int
    activation_bits: int
    """Of the answers that it takes in; 32 and 16 bits of weights, and 32 of answers, are floats."""
    raw_bytes: int
    """Of all its weights, biases too."""
    gzip_bytes: int
    """Of the same by themselves after gzip at level 9."""
    num_weights: int
    """In its kernels."""
    sqnr: float | None = None
    """Signal-to-quantisation-noise ratio of its answers in decibels, see `LayerReport`; infinite where they are exactly
    those of the float model, None where they weren't compared."""
    max_error: float | None = None
    """The greatest absolute difference of its answers."""
    note: str = ""
    """Why there is nothing to compare its answers with."""


@dataclass(frozen=True)
class LayerReport(Shown):
    """What the layers of a model are like, and how far their answers are from those of the float model.

    The error is told as 10 log10(sum r^2 / sum (r - a)^2) over answers r of the float model and a of this one, to the
    same rows (Oppenheim and Schafer, Discrete-Time Signal Processing, on quantisation errors).
    """

    model: str
    against: str
    """The float model; empty where there is none."""
    source: str
    """The rows, for a person: `"digits/train"`; empty where there are none."""
    num_rows: int
    layers: tuple[LayerFigures, ...]
    """Those that have weights."""
    raw_bytes: int
    """Of the `.tflite` file; of a Keras model, of the one that it becomes."""
    gzip_bytes: int
    sqnr: float | None = None
    """Of the model's own answers."""
    max_error: float | None = None
    path: Path | None = None
    """The node data for Model Explorer, where they were asked for."""
    notes: tuple[str, ...] = ()

    def table(self) -> Table:
        rows: list[tuple[object, ...]] = [
            (
                layer.name,
                layer.kind,
                ", ".join("x".join(map(str, shape)) for shape in layer.shapes),
                f"{layer.num_weights:,}",
                f"{layer.sparsity:.1%}",
                f"{layer.num_values:,}",
                f"{layer.weight_bits}/{layer.activation_bits}",
                size(layer.raw_bytes),
                size(layer.gzip_bytes),
                *((decibels(layer.sqnr), _difference(layer.max_error)) if self.against else ()),
            )
            for layer in self.layers
        ]
        total = sum(layer.num_weights for layer in self.layers)
        zeros = sum(layer.num_weights * layer.sparsity for layer in self.layers) / max(total, 1)
        whole = ("whole file", "", "", f"{total:,}", f"{zeros:.1%}", "", "", size(self.raw_bytes))
        errors = (decibels(self.sqnr), _difference(self.max_error)) if self.against else ()
        rows.append((*whole, size(self.gzip_bytes), *errors))
        header = ("layer", "kind", "weights", "number", "zeros", "values", "bits", "size", "after gzip")
        notes = ["bits: of weights/of activations; zeros and values are those of the weights without biases"]
        if self.against:
            notes.append(
                f"SQNR: answers against those of {self.against} to {self.num_rows} rows of {self.source}; 20 dB is an "
                "error of a tenth, 40 dB of a hundredth"
            )
        if self.path:
            notes.append(f"SQNR of every node: {place(self.path)}, which Model Explorer takes as custom node data")
        return Table(
            f"Layers of {self.model}",
            (*header, *(("SQNR", "greatest error") if self.against else ())),
            rows,
            notes=[*notes, *(f"{layer.name}: {layer.note}" for layer in self.layers if layer.note), *self.notes],
            links=_VIEWERS if self.path else (),
            figures=self._figures(),
        )

    def _figures(self) -> list[str]:
        zeros = [(layer.name, layer.sparsity, f"{layer.sparsity:.1%}") for layer in self.layers]
        errors = [(layer.name, 10 ** (-layer.sqnr / 20)) for layer in self.layers if layer.sqnr is not None]
        most = max((error for _, error in errors), default=0.0)
        drawn = [bars("zeros", zeros)] if any(layer.sparsity for layer in self.layers) else []
        if 0 < most < float("inf"):
            shares = [(name, error / most, f"{error:.2g}") for name, error in errors]
            drawn.append(bars("error, as a share of the answers", shares))
        return drawn


_VIEWERS = (
    ("a .tflite file opens as it is in Netron", "https://netron.app"),
    ("and with its node data in Model Explorer", "https://github.com/google-ai-edge/model-explorer"),
)


def decibels(sqnr: float | None) -> str:
    """A ratio for a person: `41.3 dB`, `exact`, or `-` where there is none."""
    return "-" if sqnr is None else "exact" if sqnr == float("inf") else f"{sqnr:.1f} dB"


def _difference(error: float | None) -> str:
    return "-" if error is None else f"{error:.2g}"
