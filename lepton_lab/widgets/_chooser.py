"""A list of verbs, with the form of the chosen one beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import ipywidgets

from lepton_lab.commands import Verb
from lepton_lab.display import Shown, Table
from lepton_lab.widgets._form import Form
from lepton_lab.widgets._still import show as show_widget

if TYPE_CHECKING:
    from lepton_lab.lab import Lab

MOST_ROWS = 16
"""Of the list; the rest is scrolled to."""
LOOKS = """<style>
.lepton-chooser .widget-select {flex-direction: column; align-items: stretch}
.lepton-chooser .widget-select > .widget-label {text-align: left}
.lepton-chooser .widget-select > select {flex: none; height: auto; margin: 0}
</style>"""


class Chooser(Shown):
    """Shows one form at a time; parameters as of `Form`, with the verbs to choose from."""

    def __init__(
        self,
        lab: Lab,
        verbs: Sequence[Verb],
        *,
        namespace: Mapping[str, object] | None = None,
    ) -> None:
        self._lab, self._namespace = lab, namespace
        self._verbs = {" ".join(verb.words): verb for verb in verbs}
        self.choice = ipywidgets.Select(
            options=list(self._verbs),
            value=next(iter(self._verbs)),
            rows=max(4, min(MOST_ROWS, len(self._verbs))),
            description="%lepton",
            layout={"width": "170px", "flex": "0 0 auto", "height": "auto", "margin": "0 16px 0 0"},
        )
        self._place = ipywidgets.VBox(layout={"flex": "1 1 640px", "min_width": "0"})
        self.widget = ipywidgets.HBox(
            [ipywidgets.VBox([ipywidgets.HTML(LOOKS), self.choice]), self._place],
            layout={"flex_flow": "row wrap", "align_items": "flex-start"},
        )
        self.widget.add_class("lepton-chooser")
        self._forms: dict[str, Form] = {}
        self.choice.observe(lambda _: self._show(), "value")
        self._show()

    @property
    def form(self) -> Form:
        """The form that is shown."""
        return self._forms[self.choice.value]

    def close(self) -> None:
        """Close all forms."""
        for form in self._forms.values():
            form.close()
        self.widget.close()

    def _show(self) -> None:
        # Forms are kept, so that what was typed and what goes on in one is there when it is chosen again.
        chosen = self.choice.value
        if chosen not in self._forms:
            self._forms[chosen] = Form(self._lab, self._verbs[chosen], namespace=self._namespace)
        self._place.children = [self._forms[chosen].widget]

    def table(self) -> Table:
        """The chooser for a page without widgets: the verbs."""
        rows = [(words, verb.help) for words, verb in self._verbs.items()]
        return Table("Forms", (), rows, notes=["%lepton ui VERB opens one"])

    def _ipython_display_(self) -> None:
        show_widget(self.widget, self.table())
