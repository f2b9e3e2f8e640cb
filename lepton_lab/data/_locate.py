"""Where shards lie, for whoever sends work to them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from lepton_lab.data import _host
from lepton_lab.data._carrier import Carrier
from lepton_lab.types import Shard, WorkerInfo

if TYPE_CHECKING:
    from distributed import Client


def locate(parts: Collection[Shard], client: Client, workers: Sequence[WorkerInfo]) -> dict[Shard, set[str]]:
    """Addresses of the workers that open each shard from their own host; of any number of data sets.

    A worker that is silent for 10 s is taken to hold none.
    """
    found: dict[Shard, set[str]] = client.sync(_locate, parts, Carrier(client), workers)
    return found


async def _locate(parts: Collection[Shard], carrier: Carrier, workers: Sequence[WorkerInfo]) -> dict[Shard, set[str]]:
    sets = defaultdict(list)
    for part in parts:
        sets[part.folder.parent].append(part)
    found: dict[Shard, set[str]] = {part: set() for part in parts}

    async def ask(info: WorkerInfo, of_one_set: list[Shard]) -> None:
        try:
            held: _host.Held = await carrier.ask(info, _host.look, of_one_set, False)
        except OSError:
            return
        for part in of_one_set:
            if part.index in held.sees | held.has:
                found[part].add(info.address)

    await asyncio.gather(*(ask(info, of_one_set) for info in workers for of_one_set in sets.values()))
    return found
