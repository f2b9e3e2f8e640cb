"""What a map planned and what happened, as a value."""

from __future__ import annotations

from lepton_lab.gantt import Span
from lepton_lab.types import Schedule, WorkerShare


def test_before_anything_is_known() -> None:
    schedule = Schedule("running", 0, 7, (), (), 0.0)
    assert (schedule.bound, schedule.utilisation) == (None, 0.0)
    assert str(schedule).startswith("0 of 7 calls so far") and "<img" not in schedule._repr_html_()


def test_busy_time_is_of_the_time_of_all_threads() -> None:
    shares = (WorkerShare("w0", "cpu", 2, 4, 6.0, 8.0), WorkerShare("w1", "gpu", 1, 1, 1.0, 4.0, is_gone=True))
    schedule = Schedule("cancelled", 5, 9, (Span("w0/1", 0, 3, "0"),), shares, 4.0, even_share=3.5, redone=1)
    assert schedule.utilisation == 7 / 12
    assert schedule.gantt().rows == ("w0/0", "w0/1", "w1") and schedule.gantt().lines == (("even share", 3.5),)
    assert schedule.title == "5 of 9 calls after 4.0 s, cancelled"
    assert [row[0] for row in schedule.table().rows] == ["w0", "w1 (gone)"]
    assert schedule.table().rows[1][4] == "25%" and "1 done again because a worker was lost" in str(schedule)
