"""The compress form's own part: about how large the model would become, at once; and the picture of all, afterwards.

The estimate takes a model for its parameters and nothing else. A float32 weight hardly gets smaller by gzip (its last
bits are noise, its exponents are not: about 8 % in all). Of pruned weights, gzip writes those that are left, and which
ones they are: three times H(sparsity) bits a weight, H being the entropy of a coin that falls on zero with that
probability, as was measured for shares of zeros from 0.1 to 0.98.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets

from lepton_lab import panels
from lepton_lab.commands import Verb
from lepton_lab.display import Table, size
from lepton_lab.errors import LeptonError
from lepton_lab.types import CompressedModel

if TYPE_CHECKING:
    from lepton_lab.lab import Lab

BITS = {"dynamic": 8, "float16": 16, "int8": 8}
"""Of a weight under each scheme."""
_FLOAT_BITS = 32
_GZIP = 0.92
"""What gzip leaves of the bytes of weights."""
_PLACES = 3
"""Times the entropy of where the zeros are, which gzip takes to write that down."""


class CompressAside:
    """Parameters as of `aside_for`."""

    def __init__(self, lab: Lab, verb: Verb) -> None:
        self._lab, self._verb = lab, verb
        self.widget: Any = ipywidgets.HTML()

    def follow(self, arguments: Mapping[str, object]) -> None:
        """Show what size is to be expected."""
        try:
            model = self._lab.model.show(str(arguments.get("model", "")))
        except LeptonError:  # none is chosen, or it was dropped just now
            self.widget.value = ""
            return
        if model.format != "keras" or "technique" not in arguments:
            self.widget.value = ""
            return
        given = {p.name: arguments.get(p.name, p.default) for p in self._verb.parameters}
        before = estimate(model.num_parameters)
        if given["technique"] == "prune":
            after = estimate(model.num_parameters, sparsity=float(str(given["sparsity"])))
        else:
            after = estimate(model.num_parameters, bits=BITS.get(str(given["scheme"]), _FLOAT_BITS))
        rows = [
            (
                name,
                f"about {size(old)}",
                f"about {size(new)}",
                f"{old / new:.1f} x smaller" if new < old else "the same",
            )
            for name, old, new in zip(("raw size", "gzip size"), before, after, strict=True)
        ]
        note = f"an estimate from {model.num_parameters:,} parameters; the run measures size, accuracy and latency"
        self.widget.value = Table("Expected", ("", "now", "then", "change"), rows, notes=[note]).html()

    def after(self, result: object) -> str:
        """The picture of the lab's models, where this one has its place now."""
        if not isinstance(result, CompressedModel):
            return ""
        panel = panels.open(self._lab, "compression")
        try:
            return panel._repr_html_()
        finally:
            panel.close()


def estimate(num_parameters: int, *, sparsity: float = 0.0, bits: int = _FLOAT_BITS) -> tuple[float, float]:
    """About how many bytes a `.tflite` file of so many parameters has, as it is and after gzip.

    Parameters
    ----------
    sparsity
        Share of weights that are zero.
    bits
        Of a weight.
    """
    raw = num_parameters * bits / 8
    places = num_parameters * _PLACES * _entropy(sparsity) / 8
    return raw, raw * _GZIP * (1 - sparsity) + places


def _entropy(share: float) -> float:
    """Bits that it takes to say of each of many things whether it is one of this share."""
    if not 0 < share < 1:
        return 0.0
    return -share * math.log2(share) - (1 - share) * math.log2(1 - share)


ASIDE = CompressAside
