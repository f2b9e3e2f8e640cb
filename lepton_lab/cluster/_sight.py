"""Which workers see a folder of this machine: those of another host do only where the two share a file system."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distributed import Client

ANSWER_SECONDS = 5.0
"""How long a worker may take to say it."""


def who_sees(client: Client, folder: Path, addresses: Sequence[str]) -> Mapping[str, bool]:
    """Whether each worker, by address, sees a folder and may write into it; one that doesn't answer is left out.

    A new file is laid there to be looked for: another host may have a folder of the same name.
    """

    async def ask(address: str) -> bool | None:
        try:
            asked = client.run(_sees, mark.name, workers=[address], on_error="ignore")
            return (await asyncio.wait_for(asked, ANSWER_SECONDS)).get(address)  # type: ignore[no-any-return]
        except (OSError, TimeoutError, ValueError):
            return None  # it went just now, or can't be reached

    async def ask_all() -> list[bool | None]:
        return await asyncio.gather(*map(ask, addresses))

    with tempfile.NamedTemporaryFile(prefix=".seen-", dir=folder) as mark:
        answers = client.sync(ask_all)
    return {address: said for address, said in zip(addresses, answers, strict=True) if said is not None}


async def _sees(mark: str) -> bool:
    """Runs in a worker, beside its tasks."""
    path = Path(mark)
    return await asyncio.to_thread(lambda: path.is_file() and os.access(path.parent, os.W_OK))
