"""The line that a form stands for, to be copied or inserted into the notebook."""

from __future__ import annotations

import html
from collections.abc import Callable

import ipywidgets

_SAME = "The line that this form stands for"
# A page that is not served over https has no clipboard to write to, but can still copy what is selected.
_COPY = """
const button = this, line = this.parentNode.querySelector('pre');
const done = () => { button.textContent = 'Copied'; setTimeout(() => { button.textContent = 'Copy'; }, 1500); };
const select = () => { getSelection().selectAllChildren(line); document.execCommand('copy'); done(); };
if (navigator.clipboard) navigator.clipboard.writeText(line.textContent).then(done, select); else select();"""
_BUTTON = f"""<button type='button' class='jupyter-widgets jupyter-button widget-button lepton-copy'
 title='Copy the line' onclick="{html.escape(_COPY)}">Copy</button>"""


class LineView:
    """Shows a line with two buttons; keeps its place while there is none.

    Parameters
    ----------
    insert
        Called when the line is to become a cell.
    """

    def __init__(self, insert: Callable[[object], None]) -> None:
        self._view = ipywidgets.HTML()
        self.insert_button = ipywidgets.Button(
            description="Insert as a cell",
            icon="plus",
            tooltip="Write the line into the notebook as a cell of its own",
            layout={"width": "140px", "flex": "0 0 auto", "margin": "6px 0 0 4px"},
        )
        self.insert_button.on_click(insert)
        self.widget = ipywidgets.HBox(
            [self._view, self.insert_button], layout={"align_items": "flex-start", "flex_flow": "row wrap"}
        )

    def show(self, line: str) -> None:
        """Show this line; empty for none."""
        shown = f"<pre class='lepton-line' title='{_SAME}'>{html.escape(line)}</pre>"
        self._view.value = f"<div class='lepton-line-box'>{shown}{_BUTTON}</div>"
        self.widget.layout.visibility = "visible" if line else "hidden"
