"""Files that are told apart by a number: `cnn-1.npy`, `cnn-2.npy`."""

from __future__ import annotations

import fcntl
import re
from pathlib import Path


def keep_numbered(file: Path, folder: Path, title: str) -> Path:
    """Move a file into a folder beside the earlier ones of its title, under the next number."""
    pattern = re.compile(re.escape(title) + r"-(\d+)" + re.escape(file.suffix))
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other kernels number theirs in the same folder
        number = max((int(m[1]) for p in folder.iterdir() if (m := pattern.fullmatch(p.name))), default=0) + 1
        return file.replace(folder / f"{title}-{number}{file.suffix}")
