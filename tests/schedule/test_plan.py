"""Plans for tasks on unlike machines, against answers that are known."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import psutil
import pytest

from lepton_lab.errors import InputError
from lepton_lab.events import Event, Progress
from lepton_lab.schedule import _solver, make_plan
from lepton_lab.schedule._problem import Problem
from lepton_lab.types import Machine, Plan, Task


def alike(seconds: list[float]) -> list[Task]:
    return [Task(f"t{number}", {"cpu": each}) for number, each in enumerate(seconds)]


def cpus(count: int) -> list[Machine]:
    return [Machine(f"m{number}") for number in range(count)]


def unrelated(tasks: int, machines: int, seed: int) -> tuple[list[Task], list[Machine], np.ndarray]:
    """Each machine is of a kind of its own."""
    seconds = np.random.default_rng(seed).uniform(1, 100, (tasks, machines))
    kinds = [f"k{number}" for number in range(machines)]
    made = [Task(f"t{n}", dict(zip(kinds, row.tolist(), strict=True))) for n, row in enumerate(seconds)]
    return made, [Machine(kind, kind) for kind in kinds], seconds


def check(plan: Plan, tasks: list[Task], machines: list[Machine]) -> None:
    """Every task once, on a machine that can do it, for as long as it takes, and no two at once."""
    by_name = {task.name: task for task in tasks}
    assert sorted(placement.task for placement in plan.placements) == sorted(by_name)
    for machine in machines:
        now = machine.ready
        for placement in plan.of(machine.name):
            assert placement.start == pytest.approx(now)
            now = placement.end
            takes = by_name[placement.task].seconds[machine.kind] * machine.slowness
            assert placement.end - placement.start == pytest.approx(takes)
        used = sum(by_name[placement.task].demand for placement in plan.of(machine.name))
        assert machine.capacity is None or used <= machine.capacity
    assert plan.makespan == pytest.approx(max((placement.end for placement in plan.placements), default=0.0))
    assert plan.bound <= plan.makespan * (1 + 1e-9)


def test_three_nodes_with_core_hours() -> None:
    tasks = [Task("Task1", {"cpu": 2}, 5), Task("Task2", {"cpu": 4}, 10), Task("Task3", {"cpu": 6}, 15)]
    nodes = [Machine(f"Node{number}", capacity=capacity) for number, capacity in ((1, 10), (2, 15), (3, 20))]
    plan = make_plan(tasks, nodes)
    check(plan, tasks, nodes)
    assert plan.makespan == 6 and plan.gap == 0


def test_long_times_and_a_chart_are_shown() -> None:
    plan = make_plan(alike([7200.0, 14400.0, 21600.0]), cpus(2))
    assert "done after 6 h: no plan is shorter" in str(plan) and "<img" not in str(plan)
    assert [span.end for span in plan.gantt().spans] == [placement.end for placement in plan.placements]
    assert "title='t2 on m0: 6 h, from 0.0 s to 6 h'" in plan._repr_html_()


def test_two_cpus_three_gpus_a_tpu_and_a_hundred_tasks() -> None:
    random = np.random.default_rng(0)
    machines = [
        Machine(f"{kind}{n}", kind) for kind, count in (("cpu", 2), ("gpu", 3), ("tpu", 1)) for n in range(count)
    ]
    work = random.uniform(1, 10, 100)
    tasks = [Task(f"t{n}", {"cpu": each, "gpu": each / 8, "tpu": each / 20}) for n, each in enumerate(work)]
    plan = make_plan(tasks, machines, limit=1)
    check(plan, tasks, machines)
    assert plan.makespan <= 4 / 3 * plan.bound
    assert plan.gap < 0.01


@pytest.mark.parametrize("machines", range(2, 11))
def test_where_longest_first_is_at_its_worst(machines: int) -> None:
    lengths = [float(n) for n in range(2 * machines - 1, machines, -1) for _ in range(2)] + [float(machines)] * 3
    plan = make_plan(alike(lengths), cpus(machines))
    check(plan, alike(lengths), cpus(machines))
    assert plan.makespan == 3 * machines  # Graham 1969: longest first gives 4 m - 1
    assert plan.gap == pytest.approx(0, abs=1e-9)


def test_many_short_ones_and_one_long() -> None:
    lengths = [1.0] * 6 * 5 + [6.0]
    assert make_plan(alike(lengths), cpus(6)).makespan == 6  # list scheduling gives 11


def test_the_bound_knows_how_much_faster_some_machines_are() -> None:
    seconds = np.array([[8.0, 1.0, 2.0]] * 40)
    problem = Problem(seconds, np.zeros(3), np.zeros(40), np.full(3, np.inf))
    assert problem.even_share() == pytest.approx(40 / (1 / 8 + 1 + 1 / 2)) and problem.longest() == 1
    seconds[0] = [np.inf, np.inf, 100.0]
    assert problem.bound() == 100
    assert Problem(np.zeros((3, 2)), np.zeros(2), np.zeros(3), np.full(2, np.inf)).even_share() == 0


@pytest.mark.parametrize("seed", range(8))
def test_nothing_is_better_than_what_is_called_the_best(seed: int) -> None:
    tasks, machines, seconds = unrelated(7, 3, seed)
    plan = make_plan(tasks, machines)
    check(plan, tasks, machines)
    every = np.array(list(product(range(3), repeat=7)))
    loads = np.stack([np.where(every == m, seconds[np.arange(7), m], 0).sum(axis=1) for m in range(3)], 1)
    assert plan.makespan == pytest.approx(loads.max(axis=1).min()) and plan.gap < 1e-4


@pytest.mark.parametrize("seed", range(8))
def test_a_machine_that_is_busy_for_long_may_be_left_out(seed: int) -> None:
    tasks, machines, seconds = unrelated(7, 3, seed)
    ready = np.array([0.0, 60.0, 300.0]) * np.random.default_rng(seed).uniform(0.5, 1.5, 3)
    machines = [replace(machine, ready=float(busy)) for machine, busy in zip(machines, ready, strict=True)]
    plan = make_plan(tasks, machines)
    check(plan, tasks, machines)
    every = np.array(list(product(range(3), repeat=7)))
    does = np.stack([(every == m).any(axis=1) for m in range(3)], 1)
    loads = np.stack([np.where(every == m, seconds[np.arange(7), m], 0).sum(axis=1) for m in range(3)], 1)
    assert plan.makespan == pytest.approx((loads + ready * does).max(axis=1).min()) and plan.gap < 1e-4


@pytest.mark.parametrize("seed", range(6))
def test_capacities_hold_at_their_tightest(seed: int) -> None:
    random = np.random.default_rng(seed)
    demands = random.integers(1, 10, 8)
    machines = [Machine(f"m{n}", capacity=float(demands[4 * n : 4 * n + 4].sum())) for n in range(2)]
    tasks = [Task(f"t{n}", {"cpu": float(random.integers(1, 9))}, float(demand)) for n, demand in enumerate(demands)]
    plan = make_plan(tasks, machines)  # which fill the machines to the last bit
    check(plan, tasks, machines)
    every = np.array(list(product(range(2), repeat=8)))
    lengths = np.array([task.seconds["cpu"] for task in tasks])
    fits = np.array([all(demands[row == m].sum() <= machines[m].capacity for m in range(2)) for row in every])
    best = min(max(lengths[row == 0].sum(), lengths[row == 1].sum()) for row in every[fits])
    assert plan.makespan == best


def test_a_machine_that_is_busy_or_slow_gets_less() -> None:
    machines = [Machine("free"), Machine("busy", ready=6.0), Machine("slow", slowness=3.0)]
    tasks = alike([1.0] * 12)
    plan = make_plan(tasks, machines)
    check(plan, tasks, machines)
    assert [len(plan.of(name)) for name in ("free", "busy", "slow")] == [8, 2, 2] and plan.makespan == 8


def test_data_that_is_there_need_not_be_sent() -> None:
    machines = [Machine("here", bytes_per_second=1e6), Machine("there", bytes_per_second=1e6)]
    tasks = [Task(f"t{n}", {"cpu": 1.0}, num_bytes=5_000_000, at=(("here", "there")[n % 2],)) for n in range(6)]
    plan = make_plan(tasks, machines)
    assert plan.makespan == 3
    assert {(int(p.task[1:]) % 2, p.machine) for p in plan.placements} == {(0, "here"), (1, "there")}


def test_priority_goes_before_deadline_and_what_is_late_is_said() -> None:
    tasks = [
        Task("whenever", {"cpu": 1.0}),
        Task("soon", {"cpu": 1.0}, deadline=1.5),
        Task("first", {"cpu": 1.0}, priority=1),
    ]
    plan = make_plan(tasks, cpus(1))
    assert [placement.task for placement in plan.placements] == ["first", "soon", "whenever"]
    assert [placement.task for placement in plan.placements if placement.is_late] == ["soon"]
    assert "late: soon" in str(plan) and "no plan is shorter" in str(plan)


def test_nothing_to_do_takes_no_time() -> None:
    plan = make_plan([], cpus(2))
    assert (plan.placements, plan.makespan, plan.gap) == ((), 0.0, 0.0)


@pytest.mark.parametrize(
    ("tasks", "machines", "message"),
    [
        ([Task("a", {"gpu": 1.0})], cpus(1), "'a' needs gpu, but there is cpu only"),
        ([Task("a", {"cpu": 1.0}, 5)], [Machine("m", capacity=4)], "'a' uses up 5, but no machine has more than 4"),
        (alike([1.0, 1.0])[:1] * 2, cpus(1), "'t0' is there more than once"),
        (alike([1.0]), [], "no machine to plan for"),
        (alike([-1.0]), cpus(1), "takes -1.0 s on cpu"),
        (alike([float("nan")]), cpus(1), "takes nan s on cpu"),
        (
            [Task(f"t{n}", {"cpu": 1.0}, 3) for n in range(3)],
            [Machine(f"m{n}", capacity=5) for n in range(2)],
            "want 9 together, of 10",
        ),
    ],
)
def test_what_can_not_be_planned_is_said(tasks: list[Task], machines: list[Machine], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_plan(tasks, machines)


def hard() -> tuple[list[Task], list[Machine]]:
    """For which the best plan isn't found within a minute."""
    tasks, machines, _ = unrelated(200, 20, 0)
    return tasks, machines


def test_an_interrupt_ends_the_search_at_once_and_leaves_no_process() -> None:
    timer = threading.Timer(3.0, lambda: os.kill(os.getpid(), signal.SIGINT))
    began = time.monotonic()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        make_plan(*hard(), 60)
    assert 2.9 < time.monotonic() - began < 5
    # (others end meanwhile, or are zombies: `process_iter` leaves out what they can't tell)
    children = [each.info for each in psutil.process_iter(["ppid", "cmdline"]) if each.info["ppid"] == os.getpid()]
    assert not [child for child in children if "_solver" in " ".join(child["cmdline"] or ())]


def test_the_time_limit_holds_and_progress_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    told: list[Event] = []
    began = time.monotonic()
    plan = make_plan(*hard(), 4, told.append)
    assert time.monotonic() - began < 8
    assert len(plan.placements) == 200 and 0 < plan.gap < 0.2
    shares = [event.fraction for event in told if isinstance(event, Progress)]
    assert len(shares) > 5 and shares == sorted(shares)
    assert capfd.readouterr() == ("", "")  # HiGHS prints now and then


def test_a_solver_that_fails_leaves_what_was_found_without_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "broken.py").write_text("raise MemoryError('no more')")
    monkeypatch.setattr(_solver, "__file__", str(tmp_path / "broken.py"))
    plan = make_plan(*hard(), 4)
    assert len(plan.placements) == 200 and 0 < plan.gap < 0.2
    assert "the integer program was not solved" in caplog.text and "no more" in caplog.text
