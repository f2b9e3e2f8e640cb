"""What a map keeps of what happened."""

from __future__ import annotations

import pytest

from lepton_lab.events import Event, MapChanged, ignore
from lepton_lab.schedule._log import MOST_SPANS, Log
from lepton_lab.schedule._seats import Call, Ran, Seat
from lepton_lab.types import WorkerInfo


def seat_of(threads: int = 1) -> Seat:
    return Seat(WorkerInfo("w0", "tcp://x", "h", threads, 0))


def test_very_many_calls_stay_bounded() -> None:
    log, seat, total = Log(10 * MOST_SPANS, ignore), seat_of(2), 10 * MOST_SPANS
    log.join(seat)
    for n in range(total):
        began = 1000 + n // 2 * 0.01
        log.add(seat, Call(n, n, None), Ran(None, began, began + 0.01, n % 2), began - 999)
    happened = log.schedule().happened
    assert log.schedule().done == total and len(happened) <= MOST_SPANS
    assert sum(span.count for span in happened) == total
    assert max(span.end for span in happened) == pytest.approx(total // 2 * 0.01 + 0.99)
    [share] = log.schedule().workers
    assert (share.calls, share.busy) == (total, pytest.approx(total * 0.01))


def test_a_workers_clock_is_known_ever_better() -> None:
    log, seat = Log(2, ignore), seat_of()
    log.join(seat)
    log.add(seat, Call(0, 0, None, deadline=0.5), Ran(None, 100.0, 100.1, 7), 0.6)  # heard of late
    log.add(seat, Call(1, 1, None), Ran(None, 100.1, 100.2, 7), 0.21)
    log.end("done")
    first, second = log.schedule().happened
    assert (first.start, first.end) == (pytest.approx(0.01), pytest.approx(0.11)) and second.end == pytest.approx(0.21)
    assert log.schedule().makespan == second.end


def test_it_is_told_a_few_times_a_second() -> None:
    told: list[Event] = []
    log = Log(5, told.append)
    for _ in range(1000):
        log.tell(None)
    log.end("failed")
    assert [event.state for event in told if isinstance(event, MapChanged)] == ["running", "failed"]


def test_a_worker_that_is_lost_counts_until_then() -> None:
    log = Log(2, ignore)
    seat = seat_of(2)
    log.join(seat)
    log.leave(seat, [])
    [share] = log.schedule().workers
    assert share.is_gone and share.present < 1 and share.utilisation == 0
    assert log.schedule().gantt().rows == ("w0/0", "w0/1")
