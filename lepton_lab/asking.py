"""Questions to Dask's workers, beside their tasks, that end in time whatever becomes of a worker or a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from distributed import Client

ANSWER_SECONDS = 5.0
"""How long a worker may take to answer; Dask would try for 30 s to reach one that has just died."""

T = TypeVar("T")


async def within(asked: Awaitable[T], seconds: float) -> T:
    """What is awaited, or TimeoutError after these seconds.

    `asyncio.wait_for` cancels at that time, but then waits for the end of what it has cancelled, which a connection
    that is being closed may put off for ever.
    """
    task = asyncio.ensure_future(asked)
    try:
        await asyncio.wait([task], timeout=seconds)
        if not task.done():
            raise TimeoutError(f"no answer in {seconds:g} s")
        return task.result()
    finally:
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # so that asyncio logs none of it
        task.cancel()


def ask(
    client: Client,
    function: Callable[..., Any],
    addresses: Collection[str],
    *args: Any,
    seconds: float = ANSWER_SECONDS,
) -> dict[str, Any]:
    """What a function gives in each of these workers, by address.

    A worker that is gone or silent, or in which it raises, is left out.
    """

    async def ask_one(address: str) -> dict[str, Any]:
        try:
            return await within(client.run(function, *args, workers=[address], on_error="ignore"), seconds)
        except (OSError, ValueError):
            return {}

    async def ask_all() -> list[dict[str, Any]]:
        return await asyncio.gather(*map(ask_one, addresses))

    return {address: said for told in client.sync(ask_all) for address, said in told.items()}
