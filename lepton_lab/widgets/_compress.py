"""The compress form's own part: about how large the model would become, at once; and the picture of all, afterwards.

What is known of a model's weights follows from the lines that made it, and each technique says what it would make of
them; the rest is `estimate`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ipywidgets

from lepton_lab import panels
from lepton_lab.commands import Verb, read
from lepton_lab.compress import SEARCH, TECHNIQUES, Shape, stages
from lepton_lab.display import Table, size, times
from lepton_lab.errors import LeptonError
from lepton_lab.types import CompressedModel, Front, Model
from lepton_lab.widgets._estimate import estimate

if TYPE_CHECKING:
    from lepton_lab.lab import Lab


class CompressAside:
    """Parameters as of `aside_for`."""

    def __init__(self, lab: Lab, verb: Verb) -> None:
        self._lab, self._verb = lab, verb
        self._defaults = {p.name: p.default for p in verb.parameters}
        self.widget: Any = ipywidgets.HTML()

    def follow(self, arguments: Mapping[str, object]) -> None:
        """Show what size is to be expected, or what a search would try."""
        table = None
        if "technique" in arguments:
            try:
                table = self._expected(self._lab.model.show(str(arguments.get("model", ""))), arguments)
            except LeptonError:  # no model is chosen yet, or it was dropped just now
                table = None
        self.widget.value = table.html() if table is not None else ""

    def after(self, result: object) -> str:
        """The picture of the lab's models, where those that were made have their place now."""
        if not isinstance(result, CompressedModel | Front):
            return ""
        panel = panels.open(self._lab, "compression")
        try:
            return panel._repr_html_()
        finally:
            panel.close()

    def _expected(self, model: Model, arguments: Mapping[str, Any]) -> Table | None:
        """What these arguments would make of a model; None if it is no Keras model any more, and no start."""
        if model.format != "keras":
            return None
        given = {**self._defaults, **arguments}
        return self._tried(model, given) if given["technique"] == SEARCH else self._resized(model, given)

    def _resized(self, model: Model, given: Mapping[str, Any]) -> Table:
        """The sizes now and then."""
        now = self._shape(model)
        then = TECHNIQUES[given["technique"]].shape(now, given)
        counted = self._lab.model.show(then.model) if then.model else model
        sizes = zip(estimate(model.num_parameters, now), estimate(counted.num_parameters, then), strict=True)
        rows = [
            (name, f"about {size(old)}", f"about {size(new)}", times(old / new, "smaller", "larger"))
            for name, (old, new) in zip(("raw size", "gzip size"), sizes, strict=True)
        ]
        note = f"an estimate from {counted.num_parameters:,} parameters; the run measures size, accuracy and latency"
        return Table("Expected", ("", "now", "then", "change"), rows, notes=[note])

    def _tried(self, model: Model, given: Mapping[str, Any]) -> Table:
        """Every model that a search would make."""
        shapes, rows = {model.name: self._shape(model)}, []
        for name, (parent, step) in stages(model.name, given["recipes"]).items():
            shapes[name] = TECHNIQUES[step.technique].shape(shapes[parent], {**given, **step.settings})
            words = [step.technique, *(f"{key} {value}" for key, value in step.settings.items())]
            sizes = [f"about {size(part)}" for part in estimate(model.num_parameters, shapes[name])]
            rows.append((name, parent, ", ".join(words), *sizes))
        note = f"estimates from {model.num_parameters:,} parameters; the search measures size, accuracy and latency"
        title = f"To be tried: {len(rows)} models, in {given['recipes']} ways"
        return Table(title, ("model", "from", "by", "raw size", "gzip size"), rows, notes=[note])

    def _shape(self, model: Model) -> Shape:
        """The shape of a model's weights, by the lines that made it: a training undoes what was done before."""
        shape = Shape()
        for line in (*model.earlier, model.made_by):
            if not line.startswith(f"{self._verb.line} "):
                shape = Shape()
                continue
            given = {**self._defaults, **read(line)[1]}
            # the parameters are counted anew in every model
            shape = replace(TECHNIQUES[given["technique"]].shape(shape, given), kept=1.0, model="")
        return shape


ASIDE = CompressAside
