"""Models on their way out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lepton_lab.display import Shown, Table, place, size


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
    """An exported model: a file with its manifest beside it, or a folder with it inside; checked."""

    model: str
    format: str
    path: Path
    manifest: Path
    num_bytes: int
    """Of the file, or of all files in the folder but the manifest."""
    checksum: str
    """SHA-256 of the file; of a folder, of what `sha256sum` says of its files but the manifest."""
    agreement: Agreement

    def table(self) -> Table:
        return Table(
            f"Exported {self.model} as {self.format}",
            (),
            [
                ("place", place(self.path)),
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
