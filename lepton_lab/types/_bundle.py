"""Smaller models, and models on their way out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lepton_lab.display import Shown, Table, place, size
from lepton_lab.types._model import Measure, Model


@dataclass(frozen=True)
class CompressedModel(Shown):
    """What a compression made of a model, and what that cost."""

    model: Model
    before: Measure
    after: Measure
    layers: tuple[tuple[str, str], ...] = ()
    """Layer name, and what was done to it or why nothing was."""

    def table(self) -> Table:
        b, a = self.before, self.after

        def metric(measure: Measure) -> str:
            if measure.accuracy is None:
                return "-"
            return f"{measure.accuracy:.2%}" if measure.metric.endswith("accuracy") else f"{measure.accuracy:.4g}"

        rows = [
            (
                b.metric,
                metric(b),
                metric(a),
                "-"
                if a.accuracy is None or b.accuracy is None
                else f"{(a.accuracy - b.accuracy) * 100:+.2f} points"
                if b.metric.endswith("accuracy")
                else f"{a.accuracy - b.accuracy:+.4g}",
            ),
            ("raw size", size(b.raw_bytes), size(a.raw_bytes), _times(b.raw_bytes / a.raw_bytes, "smaller", "larger")),
            (
                "gzip size",
                size(b.gzip_bytes),
                size(a.gzip_bytes),
                _times(b.gzip_bytes / a.gzip_bytes, "smaller", "larger"),
            ),
            (
                "latency",
                f"{b.latency * 1e6:.0f} us",
                f"{a.latency * 1e6:.0f} us",
                _times(b.latency / a.latency, "faster", "slower"),
            ),
        ]
        return Table(
            f"{self.model.name}: {self.model.stage} from {self.model.parent}",
            ("", "before", "after", "change"),
            rows,
            notes=[f"accuracy on the {a.split} split; latency of one row, one CPU thread, LiteRT with XNNPACK"],
        )


def _times(ratio: float, better: str, worse: str) -> str:
    """`3.1 x smaller`, `1.2 x larger`, or `the same`."""
    if f"{ratio:.1f}" == "1.0":
        return "the same"
    return f"{ratio:.1f} x {better}" if ratio > 1 else f"{1 / ratio:.1f} x {worse}"


@dataclass(frozen=True)
class Agreement:
    """How far an exported file's answers lie from the notebook's model's, on real rows."""

    rows: int
    max_difference: float
    """Greatest absolute difference of any output."""
    same_answer: float
    """Share of rows with the same class (argmax); 1.0 where the target is numbers and the
    difference is within bounds."""


@dataclass(frozen=True)
class Bundle(Shown):
    """An exported model: one file, checked, with its manifest beside it."""

    model: str
    format: str
    path: Path
    manifest: Path
    num_bytes: int
    checksum: str
    """SHA-256 of the file."""
    agreement: Agreement

    def table(self) -> Table:
        return Table(
            f"Exported {self.model} as {self.format}",
            (),
            [
                ("file", place(self.path)),
                ("size", size(self.num_bytes)),
                ("sha256", self.checksum[:16]),
                ("manifest", place(self.manifest)),
                (
                    "agreement",
                    f"{self.agreement.same_answer:.2%} same answers on {self.agreement.rows} rows, "
                    f"greatest difference {self.agreement.max_difference:.2g}",
                ),
            ],
        )
