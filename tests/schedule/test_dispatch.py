"""Calls on a real cluster, some of whose workers are said to have devices that this machine lacks."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lepton_lab.cluster import Handle, up
from lepton_lab.errors import InputError, UserCodeError
from lepton_lab.events import Event, ignore
from lepton_lab.schedule._dispatch import Dispatcher, Done
from lepton_lab.schedule._seats import Call
from lepton_lab.types import WorkerInfo


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Handle]:
    """Two workers with one thread each."""
    handle = up(tmp_path_factory.mktemp("pair"), name="pair", workers=2, device="cpu", threads=1, memory="500MB")
    yield handle
    handle.down()


def calls(items: Sequence[Any], *kinds: str) -> list[Call]:
    return [Call(number, item, dict.fromkeys(kinds, 0.02) if kinds else None) for number, item in enumerate(items)]


def run(
    handle: Handle,
    function: Callable[[Any], Any],
    made: list[Call],
    present: Callable[[], Sequence[WorkerInfo]] | None = None,
    report: Callable[[Event], None] = ignore,
) -> Done:
    return Dispatcher(handle.client, present or handle.workers, function, made, report, "map").run()


def nap(item: float) -> float:
    time.sleep(0.02)
    return item


def test_each_result_once_and_in_order(pair: Handle) -> None:
    done = run(pair, nap, calls(range(40)))
    assert done.results == tuple(range(40))
    assert sorted(int(placement.task) for placement in done.placements) == list(range(40))
    assert {placement.machine for placement in done.placements} == {"w0", "w1"}


def test_a_worker_that_comes_late_takes_its_share(pair: Handle) -> None:
    told: list[Event] = []

    def present() -> list[WorkerInfo]:
        there = [replace(worker, device="gpu") for worker in pair.workers()]
        return there if len(told) >= 20 else there[:1]

    done = run(pair, nap, calls(range(120), "gpu"), present, told.append)
    assert done.results == tuple(range(120))
    assert Counter(placement.machine for placement in done.placements)["w1"] >= 30  # 50 at best


def test_what_nobody_offers_is_said(pair: Handle) -> None:
    began = time.monotonic()
    with pytest.raises(InputError, match=r"Item 1 needs gpu or tpu, but the cluster has w0 \(cpu\), w1 \(cpu\)"):
        run(pair, nap, [*calls([0], "cpu"), replace(calls([0], "gpu", "tpu")[0], number=1)])
    assert time.monotonic() - began < 10
    assert run(pair, nap, calls([7])).results == (7,)


def test_a_slow_device_leaves_the_rest_to_a_fast_one(pair: Handle) -> None:
    def present() -> list[WorkerInfo]:
        first, second = pair.workers()
        return [replace(first, device="gpu"), second]

    def work(seconds: dict[str, float]) -> str:
        from distributed import get_worker

        name = str(get_worker().name)
        time.sleep(seconds["gpu" if name == "w0" else "cpu"])
        return name

    seconds = {"gpu": 0.02, "cpu": 2.0}
    done = run(pair, work, [Call(number, seconds, seconds) for number in range(60)], present)
    assert Counter(done.results) == {"w0": 60}  # 1.2 s; the other would take 2 s for one


def test_what_was_thought_of_a_device_is_corrected(pair: Handle) -> None:
    def present() -> list[WorkerInfo]:
        first, second = pair.workers()
        return [replace(first, device="gpu"), second]

    done = run(pair, nap, [Call(n, n, {"gpu": 0.001, "cpu": 0.02}) for n in range(100)], present)
    assert Counter(placement.machine for placement in done.placements)["w1"] >= 20  # 5 by what was declared


def test_the_functions_own_error_is_told(pair: Handle) -> None:
    def divide(item: int) -> float:
        return 1 / item

    with pytest.raises(
        UserCodeError, match=r"item 2 on worker w. raised ZeroDivisionError: division by zero"
    ) as caught:
        run(pair, divide, calls([2, 1, 0, 3]))
    assert "in divide" in caught.value.user_traceback


def test_what_a_killed_worker_had_is_done_elsewhere(pair: Handle, tmp_path: Path) -> None:
    def once(item: int) -> int:
        """Takes its worker with it, the first time."""
        mark = tmp_path / "killed"
        if item == 10 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.02)
        return item

    done = run(pair, once, calls(range(60)))
    assert done.results == tuple(range(60)) and (tmp_path / "killed").exists()


def test_an_item_that_kills_every_worker_is_named(pair: Handle) -> None:
    def deadly(item: int) -> int:
        if item == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    with pytest.raises(UserCodeError, match="Item 3 was with 3 workers when they were lost"):
        run(pair, deadly, calls(range(6)))


def test_priority_then_deadline_then_length(pair: Handle) -> None:
    made = [
        Call(0, 0, {"cpu": 0.01}),
        Call(1, 1, {"cpu": 0.5}),
        Call(2, 2, {"cpu": 0.01}, deadline=1.0),
        Call(3, 3, {"cpu": 0.01}, priority=1),
    ]
    assert [call.number for call in sorted(made, key=lambda call: call.order)] == [3, 2, 1, 0]
    done = run(pair, nap, made, lambda: pair.workers()[:1])
    assert [placement.task for placement in done.placements] == ["3", "2", "1", "0"]
