"""Items that lie on workers already: where they are, how large, and how fast they could be sent elsewhere."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lepton_lab.errors import InputError
from lepton_lab.schedule._seats import Data

if TYPE_CHECKING:
    from distributed import Client


def find_data(client: Client, items: Iterable[Any]) -> dict[int, Data]:
    """What lies where, by the number of the item; waits for data that is still being made.

    Dask's futures alone lie on workers; the same one may be there several times, and is then the same `Data`.

    Raises
    ------
    InputError
        If the data of one is gone.
    """
    from distributed import Future, wait

    futures = {number: item for number, item in enumerate(items) if isinstance(item, Future)}
    if not futures:
        return {}
    with suppress(CancelledError):
        wait(list(futures.values()))
    gone = next((number for number, future in futures.items() if future.cancelled()), None)
    if gone is not None:
        raise InputError(f"Item {gone} is a Dask future that was cancelled, or lost with its worker: make it again.")
    distinct = {future.key: future for future in futures.values()}
    holders, sizes = client.who_has(list(distinct.values())), client.nbytes(list(distinct), summary=False)
    known = {key: Data(int(sizes.get(key, 0)), set(addresses)) for key, addresses in holders.items()}
    return {number: known[future.key] for number, future in futures.items() if future.key in known}


def bytes_per_second(client: Client) -> float:
    """How fast data goes from worker to worker, as Dask has measured it, or supposes before it has."""
    workers = client.sync(client.scheduler.identity, n_workers=-1)["workers"].values()
    measured = [worker.get("metrics", {}).get("bandwidth", {}).get("total") for worker in workers]
    return statistics.fmean([speed for speed in measured if speed] or [1e8])
