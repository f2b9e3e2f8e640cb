"""Which workers see a folder of this machine: those of another host do only where the two share a file system."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lepton_lab.asking import ask

if TYPE_CHECKING:
    from distributed import Client


def who_sees(client: Client, folder: Path, addresses: Sequence[str]) -> Mapping[str, bool]:
    """Whether each worker, by address, sees a folder and may write into it; one that doesn't answer is left out.

    A new file is laid there to be looked for: another host may have a folder of the same name.
    """
    with tempfile.NamedTemporaryFile(prefix=".seen-", dir=folder) as mark:
        return ask(client, _sees, addresses, mark.name)


async def _sees(mark: str) -> bool:
    """Runs in a worker, beside its tasks."""
    path = Path(mark)
    return await asyncio.to_thread(lambda: path.is_file() and os.access(path.parent, os.W_OK))
