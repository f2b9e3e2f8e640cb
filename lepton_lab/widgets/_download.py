"""A link that downloads a file, wherever the notebook runs.

The kernel may run behind JupyterHub, on Binder or on a laptop with its files outside of Jupyter's root: no address
leads to them everywhere. So the bytes travel in the link itself.
"""

from __future__ import annotations

import base64
import html
from pathlib import Path

from lepton_lab.display import size

LIMIT = 50_000_000
"""Bytes above which the path is shown instead: browsers get slow with longer links."""


def download_link(path: Path, limit: int = LIMIT) -> str:
    """HTML of the link, or the path of a folder, or of a file that is gone or too big."""
    if path.is_dir():
        return f"<div>The folder is {html.escape(str(path))}.</div>"
    if not path.is_file():
        return f"<div>{html.escape(str(path))} is no longer there.</div>"
    num_bytes = path.stat().st_size
    if num_bytes > limit:
        return f"<div>{size(num_bytes)} are too many for a link; the file is {html.escape(str(path))}</div>"
    data, name = base64.b64encode(path.read_bytes()).decode(), html.escape(path.name, quote=True)
    return (
        f"<div><a class='lepton-download' download='{name}' href='data:application/octet-stream;base64,{data}' "
        "style='color:var(--jp-content-link-color, #0366d6);text-decoration:underline'>"
        f"Download {name}</a> ({size(num_bytes)})</div>"
    )
