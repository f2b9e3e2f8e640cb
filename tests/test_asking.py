"""What is asked of a worker ends in time, also where nothing lets itself be cancelled."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from lepton_lab.asking import ask, within
from lepton_lab.cluster import up


async def stubborn() -> None:
    """Go on for 20 s, whoever cancels it."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            await asyncio.sleep(end - time.monotonic())
        except asyncio.CancelledError:
            pass


def test_what_cannot_be_cancelled_is_not_waited_for() -> None:
    async def timed() -> float:
        began = time.monotonic()
        task = asyncio.ensure_future(stubborn())
        with pytest.raises(TimeoutError, match=r"no answer in 0\.1 s"):
            await within(task, 0.1)
        return time.monotonic() - began

    loop = asyncio.new_event_loop()  # asyncio.run would wait for what is left
    assert loop.run_until_complete(timed()) < 5


def test_an_answer_and_an_error_arrive_as_they_are() -> None:
    async def answer() -> int:
        return 3

    async def fail() -> None:
        raise KeyError("k")

    assert asyncio.run(within(answer(), 5)) == 3
    with pytest.raises(KeyError, match="k"):
        asyncio.run(within(fail(), 5))


def test_who_is_silent_or_gone_or_raises_is_left_out(tmp_path: Path) -> None:
    handle = up(tmp_path, name="asked", workers=2, threads=1, memory="300MB")
    try:
        first, second = (worker.address for worker in handle.workers())

        def sleep_or_tell(address: str, sleeps: bool, dask_worker=None) -> int:  # type: ignore[no-untyped-def]
            if dask_worker.address == address:
                if not sleeps:
                    raise KeyError(address)
                time.sleep(8)
            return os.getpid()

        assert set(ask(handle.client, sleep_or_tell, [first, second], "", False)) == {first, second}
        assert set(ask(handle.client, sleep_or_tell, [first, second], first, False)) == {second}
        gone = first.rpartition(":")[0] + ":1"
        began = time.monotonic()
        told = ask(handle.client, sleep_or_tell, [gone, second], "", False, seconds=2)
        assert list(told) == [second] and told[second] != os.getpid() and time.monotonic() - began < 6
        assert ask(handle.client, os.getpid, []) == {}
        began = time.monotonic()
        assert set(ask(handle.client, sleep_or_tell, [first, second], first, True, seconds=2)) == {second}
        assert time.monotonic() - began < 6
    finally:
        handle.down()
