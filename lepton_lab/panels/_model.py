"""The Bokeh model on the page, with a short road from the kernel.

The changes of one drawing go as one patch. The page would report sizes, ranges and even the rows back, dozens of
messages for each drawing; `_QUIET` has it keep them to itself, because the plots in the kernel need none of them. Two
things are heard: that a view has come, which then is sent all rows, having missed what was streamed before, and which
dot was clicked.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from bokeh.document import Document
from bokeh.events import DocumentReady
from bokeh.models import CustomJS
from bokeh.protocol import Protocol
from comm import get_comm_manager
from jupyter_bokeh import BokehModel

_QUIET = """
const { document } = root;
const tell = document._trigger_on_change;
document._trigger_on_change = event => {
  if (event.kind === 'MessageSent' || event.attr === 'indices') {
    tell.call(document, event);
  }
};
"""
"""Run by each view that has come, after it said so."""
_FOLLOW_THEME = """
const themes = new MutationObserver(() => {
  if (root.document?.roots().length) {
    root.children.forEach(([figure]) => figure.change.emit());
  } else {
    themes.disconnect();
  }
});
themes.observe(window.document.body, { attributes: true, attributeFilter: ['data-jp-theme-name'] });
"""
"""Run by it too: plots take their colours from the page when they are painted, and some are painted once."""


class PlotsModel(BokehModel):  # type: ignore[misc]  # jupyter_bokeh is untyped
    """A `BokehModel` which sends a drawing's changes in one patch, and takes none back from the page.

    Parameters
    ----------
    layout
        What Bokeh is to draw.
    asked
        Set when a view has come.
    clicked
        Called with the id of a selection, and the number of what was clicked.
    """

    def __init__(self, layout: Any, asked: threading.Event, clicked: Callable[[str, int], None]) -> None:
        self._changes: list[Any] = []
        self._asked, self._clicked = asked, clicked
        super().__init__(_in_document(layout), layout={"width": "100%"})

    def replace(self, layout: Any) -> None:
        """Draw something else in this one's place."""
        self._changes = []
        self.update_from_model(_in_document(layout))

    def flush(self) -> None:
        """Send what changed since the last time."""
        changes, self._changes = self._changes, []
        if not changes:
            return
        message = Protocol().create("PATCH-DOC", changes)
        for part in (message.header_json, message.metadata_json, message.content_json):
            self.send({"msg": "patch", "payload": part})
        for buffer in message.buffers:
            self.send({"msg": "patch", "payload": json.dumps(buffer.ref)})
            self.send({"msg": "patch"}, [buffer.to_bytes()])

    def close(self) -> None:
        """Close; harmless if repeated, as `BokehModel.close` is not, which is called again when this is collected."""
        deaf = self.comm
        if deaf is None:
            return
        super().close()
        # What the views tell of their first drawing waits for the running cell, and may come when the panel has ended.
        # The kernel would write a line into JupyterLab's log for each such message, so somebody is there to take them.
        deaf.on_msg(None)
        deaf.on_close(None)
        get_comm_manager().register_comm(deaf)

    def _document_patched(self, event: Any) -> None:
        self._changes.append(event)

    def _sync_model(self, _model: Any, content: Mapping[str, Any], _buffers: Any) -> None:
        match content:
            case {"kind": "MessageSent"}:
                self._asked.set()
            case {"kind": "ModelChanged", "attr": "indices", "model": {"id": str(selection)}, "new": [int(index), *_]}:
                self._clicked(selection, index)


def _in_document(root: Any) -> Any:
    """The layout, in a document whose views report only clicks, and follow the page's theme."""
    document = Document()
    document.add_root(root)
    document.js_on_event(DocumentReady, CustomJS(args={"root": root}, code=_QUIET + _FOLLOW_THEME))
    return root
