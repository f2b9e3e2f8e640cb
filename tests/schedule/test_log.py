"""What a map keeps of what happened."""

from __future__ import annotations

from lepton_lab.events import Event, MapChanged
from lepton_lab.gantt import Span
from lepton_lab.schedule._log import MOST_SPANS, Log
from lepton_lab.schedule._seats import Seat
from lepton_lab.types import WorkerInfo


def test_very_many_calls_stay_bounded() -> None:
    log, total = Log(3 * MOST_SPANS, lambda event: None), 3 * MOST_SPANS
    for n in range(total):
        log.add(Span(f"w{n % 4}", n // 4 * 0.01, (n // 4 + 1) * 0.01, str(n)))
    happened = log.schedule().happened
    assert log.schedule().done == total and len(happened) <= MOST_SPANS
    assert sum(span.count for span in happened) == total
    assert max(span.end for span in happened) == total // 4 * 0.01


def test_it_is_told_a_few_times_a_second() -> None:
    told: list[Event] = []
    log = Log(5, told.append)
    for _ in range(1000):
        log.tell(None)
    log.end("failed")
    assert [event.state for event in told if isinstance(event, MapChanged)] == ["running", "failed"]


def test_a_worker_that_is_lost_counts_until_then() -> None:
    log = Log(2, lambda event: None)
    seat = Seat(WorkerInfo("w0", "tcp://x", "h", 2, 0))
    log.join(seat)
    log.leave(seat, [])
    [share] = log.schedule().workers
    assert share.is_gone and share.present < 1 and share.utilisation == 0
    assert log.schedule().gantt().rows == ("w0/0", "w0/1")
