"""A plan for tasks on machines of several kinds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lepton_lab.errors import InputError
from lepton_lab.events import Progress, Report, ignore
from lepton_lab.schedule._exact import solve
from lepton_lab.schedule._problem import Choice, Problem
from lepton_lab.types import Machine, Placement, Plan, Task


def make_plan(tasks: Sequence[Task], machines: Sequence[Machine], limit: float = 20.0, report: Report = ignore) -> Plan:
    """Who does what, so that all is done as soon as it can be; each machine does its tasks by priority, then deadline.

    Parameters
    ----------
    limit
        Seconds in which to look for the best plan; what was found by then is given with how far from it it may be.

    Raises
    ------
    InputError
        If a name is there twice, a number is not one, or a task can be done by no machine or not within the capacities.
    """
    for what, named in (("task", tasks), ("machine", machines)):
        given = [each.name for each in named]
        twice = sorted({name for name in given if given.count(name) > 1}) if len(set(given)) < len(given) else []
        if twice:
            raise InputError(f"The {what} {twice[0]!r} is there more than once: give each a name of its own.")
    if not machines:
        raise InputError("There is no machine to plan for: give at least one.")
    problem = _problem(tasks, machines)
    _check(problem, tasks, machines)
    try:
        answer = solve(problem, limit, lambda share: report(Progress("plan", "looking for a better plan", share)))
    except TimeoutError:
        raise InputError(
            f"No plan within the machines' capacities was found in {limit:g} s: give more time, or more capacity."
        ) from None
    if answer is None:
        wanted, there = float(problem.demand.sum()), float(problem.capacity.sum())
        raise InputError(
            f"The tasks don't fit into the machines' capacities: they want {wanted:g} together, of {there:g}."
        )
    placements = _in_order(problem, answer.choice, tasks, machines)
    names = tuple(machine.name for machine in machines)
    return Plan(placements, names, answer.makespan, answer.bound, answer.method)


def _problem(tasks: Sequence[Task], machines: Sequence[Machine]) -> Problem:
    seconds = np.full((len(tasks), len(machines)), np.inf)
    for row, task in enumerate(tasks):
        for column, machine in enumerate(machines):
            takes = task.seconds.get(machine.kind, math.inf) * machine.slowness
            if machine.bytes_per_second is not None and machine.name not in task.at:
                takes += task.num_bytes / machine.bytes_per_second
            seconds[row, column] = takes
    return Problem(
        seconds,
        np.array([machine.ready for machine in machines], float),
        np.array([task.demand for task in tasks], float),
        np.array([math.inf if machine.capacity is None else machine.capacity for machine in machines], float),
    )


def _check(problem: Problem, tasks: Sequence[Task], machines: Sequence[Machine]) -> None:
    for row, task in enumerate(tasks):
        for kind, seconds in task.seconds.items():
            if not 0 <= seconds < math.inf:
                raise InputError(f"The task {task.name!r} takes {seconds} s on {kind}: give a number from 0 on.")
        if not np.isfinite(problem.seconds[row]).any():
            kinds = ", ".join(sorted({machine.kind for machine in machines}))
            raise InputError(
                f"The task {task.name!r} needs {' or '.join(task.seconds) or 'a device of no kind'}, but there is "
                f"{kinds} only."
            )
        if not problem.can()[row].any():
            most = problem.capacity[np.isfinite(problem.seconds[row])].max()
            raise InputError(f"The task {task.name!r} uses up {task.demand:g}, but no machine has more than {most:g}.")


def _in_order(
    problem: Problem, choice: Choice, tasks: Sequence[Task], machines: Sequence[Machine]
) -> tuple[Placement, ...]:
    """Each machine's tasks one after the other, without a gap."""
    placements = []
    now = problem.ready.copy()
    for row in sorted(range(len(tasks)), key=lambda row: _urgency(tasks[row])):
        task, column = tasks[row], int(choice[row])
        start = float(now[column])
        now[column] = end = start + float(problem.seconds[row, column])
        is_late = task.deadline is not None and end > task.deadline * (1 + 1e-9)
        placements.append(Placement(task.name, machines[column].name, start, end, is_late))
    return tuple(sorted(placements, key=lambda placement: placement.start))


def _urgency(task: Task) -> tuple[float, float]:
    """What goes first on its machine."""
    return -task.priority, math.inf if task.deadline is None else task.deadline
