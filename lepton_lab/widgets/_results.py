"""What a form shows of a result or of an error."""

from __future__ import annotations

import html
import logging

from lepton_lab.errors import LeptonError, UserCodeError
from lepton_lab.types import Bundle, CompressedModel
from lepton_lab.widgets._download import download_link
from lepton_lab.widgets._looks import ERROR_COLOR

log = logging.getLogger(__name__)


def show(value: object) -> str:
    """A result as HTML; with a link to download it where it is a file to take away."""
    represent = getattr(value, "_repr_html_", None)
    shown = str(represent()) if represent is not None else f"<pre>{html.escape(str(value))}</pre>"
    if isinstance(value, Bundle):
        return shown + download_link(value.path) + download_link(value.manifest) + _manifest(value)
    if isinstance(value, CompressedModel) and value.layers:
        rows = "".join(
            f"<tr><td>{html.escape(name)}</td><td>{html.escape(what)}</td></tr>" for name, what in value.layers
        )
        return shown + _folded("What was done to each layer", f"<table>{rows}</table>")
    return shown


def as_cell(value: object) -> dict[str, str]:
    """A result by MIME type, as the cell shows it that has the line."""
    represent = getattr(value, "_repr_html_", None)
    return {"text/plain": str(value), **({"text/html": str(represent())} if represent is not None else {})}


def show_error(error: Exception, line: str) -> str:
    """An error as one line of HTML; with the traceback below it where the user's own code raised.

    What is not an error of ours is logged, and said to be a bug of `line`.
    """
    message, details = str(error), ""
    if isinstance(error, UserCodeError):
        details = error.user_traceback
    elif not isinstance(error, LeptonError):
        log.error("%s failed", line, exc_info=error)
        message = f"{type(error).__name__}: {error} (a bug; the kernel's log has the traceback)"
    below = _folded("traceback", f"<pre>{html.escape(details)}</pre>") if details else ""
    return f"<div role='alert' style='color:{ERROR_COLOR}'>{html.escape(message)}</div>{below}"


def _manifest(bundle: Bundle) -> str:
    try:
        text = bundle.manifest.read_text()
    except OSError:  # moved away since; the link says so
        return ""
    return _folded("Manifest", f"<pre style='line-height:1.35'>{html.escape(text)}</pre>")


def _folded(title: str, body: str) -> str:
    return f"<details><summary style='cursor:pointer'>{title}</summary>{body}</details>"
