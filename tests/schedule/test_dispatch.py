"""Calls on a real cluster, some of whose workers are said to have devices that this machine lacks."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from distributed import Future, get_worker

from lepton_lab.cluster import Handle, up
from lepton_lab.errors import ClusterError, InputError, UserCodeError
from lepton_lab.events import Event, MapChanged, Progress, ignore
from lepton_lab.gantt import Span
from lepton_lab.schedule import _dispatch, bytes_per_second, find_data
from lepton_lab.schedule._dispatch import Dispatcher
from lepton_lab.schedule._log import TELL_SECONDS
from lepton_lab.schedule._seats import Call
from lepton_lab.types import Schedule, WorkerInfo


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Handle]:
    """Two workers with one thread each."""
    handle = up(tmp_path_factory.mktemp("pair"), name="pair", workers=2, device="cpu", threads=1, memory="500MB")
    yield handle
    handle.down()


@dataclass
class Done:
    """What a map gave."""

    results: list[Any]
    schedule: Schedule

    @property
    def spans(self) -> tuple[Span, ...]:
        """What was done, without what was lost."""
        return tuple(span for span in self.schedule.happened if not span.is_lost)


def calls(items: Sequence[Any], *kinds: str) -> list[Call]:
    return [Call(number, item, dict.fromkeys(kinds, 0.02) if kinds else None) for number, item in enumerate(items)]


def run(
    handle: Handle,
    function: Callable[[Any], Any],
    made: list[Call],
    present: Callable[[], Sequence[WorkerInfo]] | None = None,
    report: Callable[[Event], None] = ignore,
) -> Done:
    dispatcher = Dispatcher(handle.client, present or handle.workers, function, made, report, "map")
    return Done(dispatcher.run(), dispatcher.log.schedule())


def nothing_is_left(handle: Handle) -> None:
    """Neither the client nor the scheduler has a task any more, or soon."""
    deadline = time.monotonic() + 20
    while left := [*handle.client.futures, *handle.client.who_has()]:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def nap(item: float) -> float:
    time.sleep(0.02)
    return item


def test_each_result_once_and_in_order(pair: Handle) -> None:
    done = run(pair, nap, calls(range(40)))
    assert done.results == list(range(40))
    assert sorted(int(span.name) for span in done.spans) == list(range(40))
    assert {span.row for span in done.spans} == {"w0", "w1"}


def test_a_list_that_holds_itself(pair: Handle) -> None:
    item: list[Any] = [1]
    item.append(item)
    assert run(pair, len, calls([item])).results == [2]
    held = pair.client.scatter(3)
    assert run(pair, sum, calls([[held, 4]])).results == [7]


def test_workers_without_room_in_their_memory_are_named(pair: Handle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_dispatch, "PAUSED_SECONDS", 1.0)

    def paused() -> list[WorkerInfo]:
        return [replace(info, state="paused") for info in pair.workers()]

    with pytest.raises(ClusterError, match=r"the memory of w0, w1 is nearly full.*restart_workers\(\['w0', 'w1'\]\)"):
        run(pair, str, calls([1]), paused)

    began = time.monotonic()

    def for_a_while() -> list[WorkerInfo]:
        return paused() if time.monotonic() - began < 0.5 else list(pair.workers())

    assert run(pair, str, calls([1]), for_a_while).results == ["1"]


def test_a_worker_that_comes_late_takes_its_share(pair: Handle) -> None:
    told: list[Event] = []

    def present() -> list[WorkerInfo]:
        there = [replace(worker, device="gpu") for worker in pair.workers()]
        return there if len(told) >= 20 else there[:1]

    done = run(pair, nap, calls(range(120), "gpu"), present, told.append)
    assert done.results == list(range(120))
    assert Counter(span.row for span in done.spans)["w1"] >= 30  # 50 at best


def test_what_nobody_offers_is_said(pair: Handle) -> None:
    began = time.monotonic()
    with pytest.raises(InputError, match=r"Item 1 needs gpu or tpu, but the cluster has w0 \(cpu\), w1 \(cpu\)"):
        run(pair, nap, [*calls([0], "cpu"), replace(calls([0], "gpu", "tpu")[0], number=1)])
    assert time.monotonic() - began < 10
    assert run(pair, nap, calls([7])).results == [7]


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
    assert Counter(span.row for span in done.spans)["w1"] >= 20  # 5 by what was declared


def test_the_functions_own_error_is_told(pair: Handle) -> None:
    def divide(item: int) -> float:
        return 1 / item

    with pytest.raises(
        UserCodeError, match=r"item 2 on worker w. raised ZeroDivisionError: division by zero"
    ) as caught:
        run(pair, divide, calls([2, 1, 0, 3]))
    assert "in divide" in caught.value.user_traceback and "in timed" not in caught.value.user_traceback
    nothing_is_left(pair)


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
    assert done.results == list(range(60)) and (tmp_path / "killed").exists()
    lost = [span for span in done.schedule.happened if span.is_lost]
    assert len(lost) == 1 and 1 <= done.schedule.redone <= 20
    assert [share.is_gone for share in done.schedule.workers].count(True) == 1
    assert "done again because a worker was lost" in str(done.schedule)


def test_an_item_that_kills_every_worker_is_named(pair: Handle) -> None:
    def deadly(item: int) -> int:
        if item == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    with pytest.raises(UserCodeError, match="Item 3 was with 3 workers when they were lost: it was killed by SIGKILL"):
        run(pair, deadly, calls(range(6)))


def test_an_item_beside_a_deadly_one_is_not_blamed(tmp_path: Path) -> None:
    def deadly_or_slow(item: int) -> int:
        time.sleep(0.2 if item == 1 else 0.6)
        if item == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    handle = up(tmp_path, name="double", workers=1, device="cpu", threads=2, memory="500MB")
    try:
        with pytest.raises(UserCodeError, match="Item 1 was with 3 workers when they were lost: it was killed by SIG"):
            run(handle, deadly_or_slow, calls(range(2)))
    finally:
        handle.down()


def test_priority_then_deadline_then_length(pair: Handle) -> None:
    made = [
        Call(0, 0, {"cpu": 0.01}),
        Call(1, 1, {"cpu": 0.5}),
        Call(2, 2, {"cpu": 0.01}, deadline=1.0),
        Call(3, 3, {"cpu": 0.01}, priority=1),
    ]
    assert [call.number for call in sorted(made, key=lambda call: call.order)] == [3, 2, 1, 0]
    done = run(pair, nap, made, lambda: pair.workers()[:1])
    assert [span.name for span in done.spans] == ["3", "2", "1", "0"]


def test_what_was_planned_and_what_happened(pair: Handle) -> None:
    told: list[Event] = []
    done = run(pair, nap, calls(range(30), "cpu"), report=told.append)
    schedule = done.schedule
    assert (schedule.state, schedule.done, schedule.total, schedule.redone) == ("done", 30, 30, 0)
    assert schedule.planned is not None and schedule.planned.machines == ("w0", "w1")
    assert sorted(int(placement.task) for placement in schedule.planned.placements) == list(range(30))
    assert schedule.planned.makespan == pytest.approx(0.3) and schedule.bound == pytest.approx(0.3)
    assert all(span.end - span.start >= 0.02 for span in done.spans)
    for row in ("w0", "w1"):
        mine = sorted((span.start, span.end) for span in done.spans if span.row == row)
        assert all(after[0] > before[1] - 0.005 for before, after in pairwise(mine))  # one at a time
    assert schedule.makespan == max(span.end for span in done.spans) >= 0.3
    assert sum(share.calls for share in schedule.workers) == 30
    assert sum(share.busy for share in schedule.workers) == pytest.approx(
        sum(span.end - span.start for span in done.spans)
    )
    assert 0.1 < schedule.utilisation <= 1.0
    changes = [event for event in told if isinstance(event, MapChanged)]
    assert [event.state for event in changes][-1] == "done" and changes[-1].done == 30
    assert 2 <= len(changes) <= 2 + schedule.makespan / TELL_SECONDS


def test_where_nothing_is_declared_there_is_an_even_share(pair: Handle) -> None:
    schedule = run(pair, nap, calls(range(40))).schedule
    assert schedule.planned is None
    assert schedule.even_share == schedule.bound == pytest.approx(0.4, rel=0.2)


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Handle]:
    """A worker with three threads."""
    handle = up(tmp_path_factory.mktemp("wide"), name="wide", workers=1, device="cpu", threads=3, memory="500MB")
    yield handle
    handle.down()


def crowd(item: int) -> int:
    """How many calls there are on this worker just now."""
    from distributed import get_worker

    inside = vars(get_worker()).setdefault("inside", [])
    inside.append(item)
    time.sleep(0.02)
    count = len(inside)
    inside.remove(item)
    return count


@pytest.mark.parametrize(("demand", "most"), [(0.0, 3), (200e6, 2), (300e6, 1)])
def test_calls_that_run_at_once_fit_into_the_memory(wide: Handle, demand: float, most: int) -> None:
    done = run(wide, crowd, [replace(call, demand=demand) for call in calls(range(20))])
    assert max(done.results) == most


def test_one_that_needs_much_memory_is_not_overtaken_for_ever(wide: Handle) -> None:
    made = [replace(call, demand=450e6 if call.number == 5 else 100e6) for call in calls(range(40))]
    done = run(wide, nap, made)
    names = [span.name for span in sorted(done.spans, key=lambda span: span.start)]
    assert names.index("5") <= 8


def test_what_no_worker_has_the_memory_for_is_said(wide: Handle) -> None:
    with pytest.raises(InputError, match=r"Item 1 needs cpu with 2.0 GB of memory, but the cluster has w0 \(cpu\)"):
        run(wide, nap, [replace(call, demand=2e9 * call.number) for call in calls(range(2), "cpu")])


def test_threads_have_rows_of_their_own(wide: Handle) -> None:
    done = run(wide, nap, calls(range(30), "cpu"))
    assert {span.row for span in done.spans} == {"w0/0", "w0/1", "w0/2"}
    assert done.schedule.planned is not None and done.schedule.planned.makespan == pytest.approx(0.2)
    for row in ("w0/0", "w0/1", "w0/2"):
        mine = sorted((span.start, span.end) for span in done.spans if span.row == row)
        assert all(after[0] > before[1] - 0.005 for before, after in pairwise(mine))


def test_an_interrupt_leaves_no_task_behind(pair: Handle) -> None:
    interrupted = threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT))
    dispatcher = Dispatcher(pair.client, pair.workers, nap, calls(range(2000)), ignore, "map")
    interrupted.start()
    with pytest.raises(KeyboardInterrupt):
        dispatcher.run()
    schedule = dispatcher.log.schedule()
    assert schedule.state == "cancelled" and 0 < schedule.done < 2000
    nothing_is_left(pair)
    assert run(pair, nap, calls(range(4))).results == list(range(4))


def interrupted(pair: Handle, function: Callable[[Any], Any], folder: Path) -> str:
    """What the interrupt of a map says that both workers are in calls of."""

    def noted(item: int) -> object:
        (folder / str(os.getpid())).touch()
        return function(item)

    def interrupt() -> None:
        while len(list(folder.iterdir())) < 2:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    user = threading.Thread(target=interrupt)
    user.start()
    with pytest.raises(KeyboardInterrupt) as caught:
        run(pair, noted, calls(range(6)))
    user.join()
    return str(caught.value)


def for_ever(item: int) -> int:
    while True:
        time.sleep(0.02)


def test_an_interrupt_ends_calls_that_would_go_on_for_ever(pair: Handle, tmp_path: Path) -> None:
    assert interrupted(pair, for_ever, tmp_path) == ""  # which the lab's verbs put into words
    assert run(pair, nap, calls(range(4))).results == list(range(4))
    nothing_is_left(pair)


def test_calls_that_can_not_be_ended_are_named_and_what_waits_for_them_says_so(
    pair: Handle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_dispatch, "END_SECONDS", 0.5)
    monkeypatch.setattr(_dispatch, "WAIT_SECONDS", 0.3)
    said = interrupted(pair, lambda item: time.sleep(6), tmp_path)
    assert "but w0, w1 can't be got out of a call" in said and "restart_workers(['w0', 'w1'])" in said
    told: list[Event] = []
    assert run(pair, nap, calls(range(4)), report=told.append).results == list(range(4))
    waits = [event.message for event in told if isinstance(event, Progress) and "waits" in event.message]
    assert "w0" in waits[0] and "w1" in waits[-1] and "still in a call of another map" in waits[0]
    told.clear()
    assert run(pair, lambda item: time.sleep(1), calls(range(2)), report=told.append).results == [None, None]
    assert not any("waits" in event.message for event in told if isinstance(event, Progress))  # long, but its own


class TestData:
    """Items that lie on workers."""

    def scattered(self, pair: Handle, count: int, *workers: int) -> list[Future]:
        """Of a few bytes each, one worker after the other."""
        addresses = [worker.address for worker in pair.workers()]
        return [
            pair.client.scatter(n, workers=[addresses[workers[n % len(workers)]]], hash=False) for n in range(count)
        ]

    def run(self, pair: Handle, items: list[Future], num_bytes: int) -> Done:
        """As if they had so many bytes."""
        held = find_data(pair.client, items)
        for data in held.values():
            data.num_bytes = num_bytes
        made = [replace(call, data=held[call.number]) for call in calls(items, "cpu")]
        dispatcher = Dispatcher(pair.client, pair.workers, nap, made, ignore, "map", 1e8)
        return Done(dispatcher.run(), dispatcher.log.schedule())

    def test_calls_go_where_it_lies(self, pair: Handle) -> None:
        done = self.run(pair, self.scattered(pair, 30, 0, 1, 1), 10**8)
        assert done.results == list(range(30))
        assert {(int(span.name) % 3 > 0, span.row) for span in done.spans} == {(False, "w0"), (True, "w1")}
        assert done.schedule.planned is not None and done.schedule.planned.makespan == pytest.approx(0.4)

    def test_where_a_worker_would_be_busy_for_longer_some_are_sent(self, pair: Handle) -> None:
        light, heavy = self.scattered(pair, 60, 0), self.scattered(pair, 60, 0)
        assert Counter(span.row for span in self.run(pair, light, 1000).spans)["w1"] >= 20
        assert Counter(span.row for span in self.run(pair, heavy, 10**9).spans) == {"w0": 60}  # 10 s for one

    def test_where_it_lies_and_how_large_it_is(self, pair: Handle) -> None:
        first, second = (worker.address for worker in pair.workers())
        here = pair.client.scatter(b"x" * 100_000, workers=[first], hash=False)
        both = pair.client.scatter(b"y" * 10, broadcast=True, hash=False)
        held = find_data(pair.client, [7, here, both, here])
        assert set(held) == {1, 2, 3} and held[1] is held[3]
        assert held[1].at == {first} and 100_000 <= held[1].num_bytes < 110_000
        assert held[2].at == {first, second}
        assert 1e6 < bytes_per_second(pair.client) < 1e11

    def test_what_was_lost_is_said(self, pair: Handle) -> None:
        items = self.scattered(pair, 4, 0)
        pid = pair.client.submit(os.getpid, workers=[pair.workers()[0].address], pure=False).result()

        def once(item: int) -> int:
            if os.getpid() == pid:
                os.kill(pid, signal.SIGKILL)
            return item

        held = find_data(pair.client, items)
        made = [replace(call, data=held[call.number]) for call in calls(items)]
        with pytest.raises(ClusterError, match=r"The data of item \d was lost with the worker that held it"):
            Dispatcher(pair.client, pair.workers, once, made, ignore, "map").run()
        with pytest.raises(InputError, match=r"Item 1 is a Dask future that was cancelled, or lost"):
            find_data(pair.client, [0, items[0]])


def test_what_goes_on_is_told_too(pair: Handle) -> None:
    seen: list[Schedule] = []

    def look(event: Event) -> None:
        if isinstance(event, MapChanged) and event.state == "running" and event.done:
            seen.append(dispatcher.log.schedule())

    dispatcher = Dispatcher(pair.client, pair.workers, lambda item: time.sleep(0.4), calls(range(8)), look, "map")
    dispatcher.run()
    open_ = [span for schedule in seen for span in schedule.happened if span.is_open]
    assert {span.row for span in open_} == {"w0", "w1"}
    lengths = [span.end - span.start for span in open_]
    assert min(lengths) >= 0 and median(lengths) < 0.8  # a call takes 0.4 s, and now and then a busy machine's breath
    assert not [span for span in dispatcher.log.schedule().happened if span.is_open]


KINDS = {"w0": "cpu", "w1": "cpu", "w2": "gpu", "w3": "gpu", "w4": "gpu", "w5": "tpu"}
TAKES = {"cpu": 1.6, "gpu": 0.4, "tpu": 0.2}
"""Seconds of a call."""


def test_two_cpus_three_gpus_a_tpu_and_a_hundred_calls(tmp_path: Path) -> None:
    """Each exactly once, and all within 4/3 of the least time that it can take."""
    ran = tmp_path / "ran"
    ran.touch()

    def work(item: int, ran: Path = ran, takes: dict[str, float] = TAKES, kinds: dict[str, str] = KINDS) -> int:
        time.sleep(takes[kinds[get_worker().name]])  # as long as that kind of device would take
        with ran.open("a") as stream:
            stream.write(f"{item}\n")
        return item

    handle = up(tmp_path, name="six", workers=6, threads=1, memory="300MB", device="cpu")
    try:
        run(handle, nap, calls(range(12)))  # loads what workers load with their first call
        made = [Call(number, number, TAKES) for number in range(100)]
        there = lambda: [replace(worker, device=KINDS[worker.name]) for worker in handle.workers()]  # noqa: E731
        done = run(handle, work, made, there)
    finally:
        handle.down()
    assert done.results == list(range(100))
    assert Counter(ran.read_text().split()) == Counter(map(str, range(100)))
    bound = 100 / sum(1 / TAKES[kind] for kind in KINDS.values())
    assert done.schedule.bound is not None and bound <= done.schedule.bound * 1.001
    assert done.schedule.makespan < done.schedule.bound * 4 / 3
    assert done.schedule.utilisation > 0.7
