"""Calls of one function on many items, on unlike workers that come and go.

Dask gives tagged tasks to the workers that are there when they are submitted, and lets one wait for ever whose resource
nobody offers, or whose worker has died. Here a worker gets its next calls when it has room for them: one that joins
late takes its share, what a lost one had is done elsewhere, and what nobody can do is said. A call goes to the device
that should be done with it the soonest, be that by waiting for a faster one.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import math
import queue
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from lepton_lab.asking import ask
from lepton_lab.errors import ClusterError, InputError, Interrupted, LeptonError, UserCodeError
from lepton_lab.events import Progress, Report
from lepton_lab.schedule import _carry as carry
from lepton_lab.schedule import _under_way as under_way
from lepton_lab.schedule._carry import Carried, Failure, Ran, one_line, pack_function, pack_item
from lepton_lab.schedule._log import Log
from lepton_lab.schedule._offer import Offer
from lepton_lab.schedule._seats import MOST_LOSSES, Call, Seat
from lepton_lab.schedule._speeds import Speeds
from lepton_lab.schedule._waiting import Waiting
from lepton_lab.types import WorkerInfo

if TYPE_CHECKING:
    from distributed import Client, Future

log = logging.getLogger(__name__)
TARGET_SECONDS = 5.0
"""In which work should be done where the number of workers goes by it; Dask's own `adaptive.target-duration`."""
LOOK_SECONDS = 0.2
"""How often to see which workers there are."""
WHY_SECONDS = 3.0
"""How long to wait for a worker that is started again, to say why it died."""
END_SECONDS = 2.0
"""How long calls may take to end after an interrupt."""
PAUSED_SECONDS = 10.0
"""How long all workers may be without room in their memory; Dask looks every 100 ms whether it became less."""
WAIT_SECONDS = 3.0
"""How long nothing may be heard of a worker before it is asked whether it is in a call of another map."""
ANSWER_SECONDS = 1.0
"""How long a worker may take to answer; one whose threads hold Python's lock doesn't."""
MOST_LOST_RESULTS = 5
"""How often a call's result may be lost on its way before it is not made again."""


class Dispatcher:
    """One `map`; `run` may be called once.

    Raises
    ------
    InputError
        If the function or an item can't be sent to a worker.
    """

    def __init__(
        self,
        client: Client,
        present: Callable[[], Sequence[WorkerInfo]],
        function: Callable[[Any], Any],
        calls: Sequence[Call],
        report: Report,
        task: str,
        bytes_per_second: float = math.inf,
    ) -> None:
        self._client, self._present, self._report, self._task = client, present, report, task
        self._function = pack_function(function)
        self._items = {call.number: _to_send(call) for call in calls}
        self._total = len(calls)
        self._is_declared = any(call.seconds is not None for call in calls)
        self._results: dict[int, Any] = {}
        self._seats: dict[str, Seat] = {}
        self._there: dict[str, WorkerInfo] | None = None
        self._speeds = Speeds(bytes_per_second)
        self._waiting = Waiting(calls, self._speeds, self._seats.values)
        self._news: queue.SimpleQueue[tuple[Seat, Future[Any], float, concurrent.futures.Future[Any] | None]] = (
            queue.SimpleQueue()
        )
        self.log = Log(self._total, report)
        """What it planned and what happens."""
        self._busy = 0.0
        """Seconds that the calls took together that are done."""
        self._offer = Offer()
        self._looked = self._asked = 0.0
        self._paused = time.monotonic()
        """When not all workers were paused for the last time."""
        self._prefix = f"lepton-map-{uuid.uuid4().hex[:8]}-"
        self._attempts = 0

    def run(self) -> list[Any]:
        """All results, in the order of the calls.

        Raises
        ------
        InputError
            If no worker offers what a call needs, or its result can't be sent.
        UserCodeError
            If the function raised, or its item took three workers with it.
        ClusterError
            If the cluster went, or an item's data was lost with its worker.
        Interrupted
            If calls could not be ended after an interrupt.
        """
        state = "failed"
        try:
            self._look()
            self.log.plan(self._waiting.foresee())
            while len(self._results) < self._total:
                self._send()
                self._take()
                self.log.tell(self._even_share())
                self._look()
                self._tell_whose_turn_it_is()
            state = "done"
        except KeyboardInterrupt:
            state = "cancelled"
            self._cancel_all()
            self._end_calls()
            raise
        finally:
            self._cancel_all()
            self.log.end(state)
        return [self._results[number] for number in sorted(self._results)]

    def num_wanted(self) -> int:
        """How many workers would be done with what is left in about `TARGET_SECONDS`; may be asked from any thread."""
        done = len(self._results)
        left = self._total - done
        if not done:
            return left
        threads = max((seat.info.threads for seat in tuple(self._seats.values())), default=1)
        return min(left, math.ceil(left * self._busy / done / TARGET_SECONDS / threads))

    def _look(self) -> None:
        """See which workers came and went."""
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        there = {info.address: info for info in self._present()}
        self._looked = time.monotonic()
        for address in [address for address in self._seats if address not in there]:
            seat = self._seats.pop(address)
            self._lose(seat)
        for address, info in there.items():
            if address not in self._seats:
                self._seats[address] = Seat(info)
                self.log.join(self._seats[address])
            self._seats[address].info = info
        self._check_that_some_take_calls()
        if self._offer.is_lacking or there != self._there:
            self._there = there
            self._offer.check(self._waiting.first_that_nobody_can_do(), self._seats.values())

    def _check_that_some_take_calls(self) -> None:
        """Raise ClusterError where nothing goes on and Dask lets no worker begin, as their memory is nearly full."""
        seats = list(self._seats.values())
        if not seats or any(seat.info.state != "paused" or seat.sent or seat.fetched for seat in seats):
            self._paused = time.monotonic()
        elif time.monotonic() - self._paused > PAUSED_SECONDS:
            names = [seat.info.name for seat in seats]
            raise ClusterError(
                f"Nothing can go on: the memory of {_names(seats)} is nearly full, by what was kept there, and they "
                f"take no calls. Start them anew, lab.cluster.handle.client.restart_workers({names}), or a cluster "
                "whose workers have more --memory."
            )

    def _lose(self, seat: Seat) -> None:
        """Have others do what a worker had that is gone."""
        running = list(seat.sent.values())[: seat.info.threads]
        self.log.leave(seat, running)
        for call in running:  # what waited behind them had no part in it
            call.lost_with.append(seat.info.name)
            if len(call.lost_with) >= MOST_LOSSES:
                raise UserCodeError(
                    f"Item {call.number} was with {MOST_LOSSES} workers when they were lost: {self._why(call)}. See "
                    "%lepton cluster logs."
                )
        for call, _ in seat.fetched.values():
            self._count_lost(call, seat)
        self._waiting.back(self._give_up(seat))

    def _count_lost(self, call: Call, seat: Seat, why: str = "the worker was lost as it sent it") -> None:
        """A call's result was lost on its way here.

        Raises
        ------
        ClusterError
            If that was so too often.
        """
        call.times_lost += 1
        if call.times_lost >= MOST_LOST_RESULTS:
            raise ClusterError(
                f"Item {call.number} was done {call.times_lost} times, but its result never came from worker "
                f"{seat.info.name} ({why}): if it is large for the worker's memory, write it to a file there and "
                "return the path, or give workers more --memory. See %lepton cluster logs."
            )

    def _why(self, call: Call) -> str:
        """Why the workers were lost that had a call: what those of them say that are back."""
        deadline = time.monotonic() + WHY_SECONDS
        while time.monotonic() < deadline:
            whys = {info.why for info in self._present() if info.name in call.lost_with and info.why}
            if whys:
                return "; ".join(sorted(whys))
            time.sleep(LOOK_SECONDS)
        return "does it need more memory than a worker has?"

    def _tell_whose_turn_it_is(self) -> None:
        """Say which workers do nothing for this map since they are in calls of another."""
        now = time.monotonic()
        quiet = {
            address: seat
            for address, seat in self._seats.items()
            if seat.sent and not seat.is_told and now - seat.since > WAIT_SECONDS
        }
        if not quiet or now - self._asked < WAIT_SECONDS:
            return
        self._asked = now
        answers = ask(self._client, under_way.maps, quiet, seconds=ANSWER_SECONDS)
        busy = [quiet[address] for address, maps in answers.items() if maps and self._prefix not in maps]
        for seat in busy:
            seat.is_told = True
        if busy:
            said = f"waits for {_names(busy)}, still in a call of another map"
            log.warning("lab.map %s", said)
            self._report(Progress(self._task, said, len(self._results) / self._total))

    def _end_calls(self) -> None:
        """End the calls that were cancelled but had begun.

        Raises
        ------
        Interrupted
            If some can't be; names their workers.
        """
        left = {address: seat for address, seat in self._seats.items() if seat.sent}
        deadline = time.monotonic() + END_SECONDS
        while left and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS / 4)  # for those that were just to begin, and to let those end that were told to
            answers = ask(self._client, under_way.end, left, self._prefix, seconds=ANSWER_SECONDS)
            left = {address: seat for address, seat in left.items() if answers.get(address) is not False}
        left = {info.address: left[info.address] for info in self._present() if info.address in left} if left else {}
        if left:
            names = [seat.info.name for seat in left.values()]
            raise Interrupted(
                f"what had not begun has ended, but {_names(left.values())} can't be got out of a call: what comes "
                f"next waits for its end there, or start them anew: lab.cluster.handle.client.restart_workers({names})."
            ) from None

    def _even_share(self) -> float | None:
        """Seconds that all takes by the measured speeds, shared out evenly; None where calls differ, or these lack."""
        seats = self._seats.values()
        if self._is_declared or not seats or not all(self._speeds.is_measured(seat.kind) for seat in seats):
            return None
        return self._total / sum(seat.info.threads / max(self._speeds.factor(seat.kind), 1e-9) for seat in seats)

    def _send(self) -> None:
        """Give calls to those that have room for them, a call each in turn."""
        open_ = list(self._seats.values())
        while self._waiting and open_:
            open_ = [seat for seat in open_ if seat.has_room(self._speeds)]
            for seat in sorted(open_, key=lambda seat: seat.free_after(self._speeds)):
                call = self._waiting.next_for(seat)
                if call is None:
                    open_.remove(seat)
                else:
                    self._submit(call, seat)

    def _submit(self, call: Call, seat: Seat) -> None:
        if seat.function is None:
            seat.function = self._submit_to(seat, Carried, self._function, self._prefix)
        future = self._submit_to(seat, carry.call, seat.function, self._items[call.number])
        if not seat.sent:
            seat.since = time.monotonic()
        seat.sent[future], call.sent = call, self.log.now()
        future.add_done_callback(lambda future: self._news.put((seat, future, self.log.now(), None)))

    def _submit_to(self, seat: Seat, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        import dask

        self._attempts += 1
        # Whoever maps over large items, or with a large function, has chosen to send them: Dask needn't warn.
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 PB"}):
            return self._client.submit(
                function,
                *arguments,
                key=f"{self._prefix}{self._attempts}",
                pure=False,
                workers=[seat.info.address],
                retries=0,
                priority=-self._attempts,  # Dask would take what is sent within 100 ms in any order
            )

    def _take(self) -> None:
        """Take what is done; waits a little for it."""
        try:
            self._hear(*self._news.get(timeout=LOOK_SECONDS / 4))
            while True:
                self._hear(*self._news.get_nowait())
        except queue.Empty:
            return

    def _hear(
        self, seat: Seat, future: Future[Any], when: float, fetched: concurrent.futures.Future[Any] | None
    ) -> None:
        """A call is done, or its result is here; or its worker was given up meanwhile, and somebody else does it."""
        if fetched is None and future in seat.sent:
            seat.fetched[future], seat.since = (seat.sent.pop(future), when), time.monotonic()
            self._fetch(seat, future)
        elif fetched is not None and future in seat.fetched:
            try:
                self._keep(seat, *seat.fetched.pop(future), future, fetched)
            finally:
                future.release()

    def _fetch(self, seat: Seat, future: Future[Any]) -> None:
        """Have a result sent here, without waiting for it: its worker may die, and Dask would wait for that one."""
        coming = asyncio.run_coroutine_threadsafe(
            self._client.gather(future, asynchronous=True), self._client.loop.asyncio_loop
        )
        coming.add_done_callback(lambda fetched: self._news.put((seat, future, self.log.now(), fetched)))

    def _keep(
        self, seat: Seat, call: Call, heard: float, future: Future[Any], fetched: concurrent.futures.Future[Any]
    ) -> None:
        from distributed import Future

        try:
            ran: Ran = fetched.result()
        except concurrent.futures.CancelledError:
            if isinstance(call.item, Future) and call.item.cancelled():
                raise ClusterError(
                    f"The data of item {call.number} was lost with the worker that held it: make it again."
                ) from None
            self._count_lost(call, seat)
            self._waiting.back([call])
            return
        except Exception as error:
            if future.status != "error":
                self._count_lost(call, seat, one_line(error))
                self._waiting.back([call])  # it was done, and lost on the way: its worker went, or all did
                return
            raise ClusterError(
                f"Item {call.number} can't be done on worker {seat.info.name} ({one_line(error)}): see "
                "%lepton cluster logs."
            ) from None
        if ran.failure is not None:
            raise _told(ran.failure, call, seat)
        assert ran.result is not None
        try:
            self._results[call.number] = ran.result.open()
        except Exception as error:  # whatever the result's own class does
            raise InputError(
                f"The result of item {call.number} can't be read here ({one_line(error)}): return plain values."
            ) from None
        self._speeds.learn(call, seat.kind, ran.ended - ran.began)
        if call.data is not None:
            call.data.at.add(seat.info.address)
        self._busy += ran.ended - ran.began
        self.log.add(seat, call, ran, heard)
        done = len(self._results)
        self._report(Progress(self._task, f"{done} of {self._total}", done / self._total))

    def _cancel_all(self) -> None:
        """Leave nothing behind, also of what an interrupt kept from being written down."""
        from distributed import Future

        mine = [key for key in tuple(self._client.futures) if str(key).startswith(self._prefix)]
        self._cancel([Future(key, self._client) for key in mine])

    def _cancel(self, futures: list[Future[Any]]) -> None:
        if futures:
            try:
                self._client.cancel(futures, force=True)
            except Exception:
                pass  # the cluster has gone, and they with it

    def _give_up(self, seat: Seat) -> list[Call]:
        """Take back what a worker has, be it done or not."""
        futures = {**{future: call for future, (call, _) in seat.fetched.items()}, **seat.sent}
        seat.fetched, seat.sent, seat.function = {}, {}, None
        self._cancel(list(futures))
        return list(futures.values())


def _names(seats: Iterable[Seat]) -> str:
    return ", ".join(seat.info.name for seat in seats)


def _to_send(call: Call) -> Any:
    """An item as a task's argument: Dask itself brings the data of its futures."""
    return call.item if _has_future(call.item) else pack_item(call.number, call.item)


def _has_future(item: Any) -> bool:
    """Whether Dask's data is in an item; Dask's own search goes on for ever in a list that holds itself."""
    from dask import is_dask_collection
    from distributed import Future, futures_of

    left, seen = [item], set[int]()
    while left:
        one = left.pop()
        if type(one) in (list, tuple, set, dict):
            if id(one) not in seen:
                seen.add(id(one))
                left.extend(one.values() if type(one) is dict else one)
        elif isinstance(one, Future) or (is_dask_collection(one) and futures_of(one)):
            return True
    return False


def _told(failure: Failure, call: Call, seat: Seat) -> LeptonError:
    """What a worker tells, as what is raised here."""
    where = f"worker {seat.info.name}"
    match failure.what:
        case "raised":
            return UserCodeError(f"item {call.number} on {where} raised {failure.message}", failure.traceback)
        case "result":
            return InputError(
                f"The result of item {call.number} can't be sent back from {where}: {failure.message}. Return plain "
                "values, such as a list of what a generator gives."
            )
        case _:
            what = "The function" if failure.what == "function" else f"Item {call.number}"
            return InputError(
                f"{what} can't be made on {where} ({failure.message}): is all that it needs installed there?"
            )
