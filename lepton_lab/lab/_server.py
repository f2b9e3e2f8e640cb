"""What a kernel can know of the notebook server that started it."""

from __future__ import annotations

import os
from pathlib import Path

from lepton_lab.files import read_json


def server_root() -> Path | None:
    """The folder whose files the server shows; None where there is no server, or it runs elsewhere.

    A server leaves a record of itself where all of the user's Jupyter programs look, by the id of its process, and its
    kernels have this id in their environment.
    """
    from jupyter_core.paths import jupyter_runtime_dir

    record = Path(jupyter_runtime_dir()) / f"jpserver-{os.environ.get('JPY_PARENT_PID', '')}.json"
    try:
        return Path(read_json(record)["root_dir"]).resolve()
    except (OSError, ValueError, KeyError, TypeError):
        return None
