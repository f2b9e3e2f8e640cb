"""Plans, and a function on many items, from a lab."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lepton_lab.errors import ClusterError, InputError
from lepton_lab.events import Event, Progress
from lepton_lab.lab import Lab
from lepton_lab.types import Machine, Task


def square(item: int) -> int:
    time.sleep(0.01)
    return item * item


def test_results_come_in_the_order_of_the_items(lab: Lab) -> None:
    told: list[Event] = []
    unsubscribe = lab.events.subscribe(told.append, Progress)
    assert lab.map(square, range(30)) == [n * n for n in range(30)]
    assert lab.map(square, [], seconds={"gpu": 1.0}) == []
    unsubscribe()
    assert [event.fraction for event in told if isinstance(event, Progress)][-1] == 1.0


def test_what_each_item_says_of_itself(lab: Lab) -> None:
    found = lab.map(
        square, [3, 1, 2], seconds=lambda n: {"cpu": n / 100}, priority=lambda n: n, deadline=lambda n: 60.0
    )
    assert found == [9, 1, 4]


def test_scaling_while_it_goes_on(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        lab.cluster.up(workers=1, threads=1, memory="300MB")
        told: list[Event] = []

        def scale(event: Event) -> None:
            told.append(event)
            if len(told) == 20:
                lab.cluster.scale(2)
            if len(told) == 60:
                lab.cluster.scale(1)

        unsubscribe = lab.events.subscribe(lambda event: scale(event) if event.task == "map" else None, Progress)
        assert lab.map(square, range(100)) == [n * n for n in range(100)]
        unsubscribe()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"function": 3}, "function is 3: give a function"),
        ({"seconds": {"gpu": 1.0}}, r"Item 0 needs gpu, but the cluster has w0 \(cpu\), w1 \(cpu\)"),
        ({"seconds": {}}, "seconds of item 0 are {}"),
        ({"seconds": {"cpu": -1}}, "by kind of device"),
        ({"seconds": lambda n: 4.0}, "seconds of item 0 are 4.0"),
        ({"demand": "2GB"}, "demand of item 0 is '2GB': give bytes"),
        ({"demand": lambda n: n * 5e9}, "Item 1 asks for 5.0 GB of memory, but the largest worker for it has 2.0 GB"),
    ],
)
def test_what_can_not_be_done_is_said(lab: Lab, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        lab.map(**{"function": square, "items": range(3), **arguments})


def test_a_plan_for_the_cluster_and_for_machines_that_are_not_there(lab: Lab) -> None:
    tasks = [Task(f"t{n}", {"cpu": 2.0, "gpu": 1.0}) for n in range(4)]
    plan = lab.plan(tasks)
    assert (plan.machines, plan.makespan, plan.gap) == (("w0", "w1"), 4.0, 0.0)
    assert lab.plan(tasks, [Machine("a"), Machine("b", "gpu")]).makespan == 3.0


def test_without_a_cluster(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab, pytest.raises(ClusterError, match="No cluster is up"):
        lab.map(square, range(3))


def test_the_last_map_is_told(lab: Lab) -> None:
    lab.map(square, range(12), seconds={"cpu": 0.01})
    schedule = lab.schedule()
    assert (schedule.state, schedule.done) == ("done", 12) and schedule.planned is not None
    assert {row[0] for row in schedule.table().rows} == {"w0", "w1"}
    assert "12 of 12 calls after" in str(schedule) and "planned 60 ms, bound 60 ms, took" in str(schedule)
    assert " on w0: " in schedule._repr_html_() and "<img" in schedule._repr_html_()


def test_no_map_yet(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab, pytest.raises(InputError, match=r"No lab.map has run yet"):
        lab.schedule()


def test_data_on_workers(lab: Lab) -> None:
    client = lab.cluster.handle.client
    items = [client.scatter(n, hash=False) for n in range(6)]
    assert lab.map(square, items) == [n * n for n in range(6)]
    assert lab.map(square, [client.submit(square, 2), 3]) == [16, 9]
