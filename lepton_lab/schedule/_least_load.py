"""Least load: the longest task first, to the machine that would be done with it the soonest; and small changes to that.

Longest processing time first is within (4m - 1) / 3m of the best on m equal machines (Graham 1969,
https://doi.org/10.1137/0117039). The changes move a task off the machine that is done last, or swap it for another
one, as long as that makes the later of the two machines earlier.
"""

from __future__ import annotations

import numpy as np

from lepton_lab.schedule._problem import Choice, Numbers, Problem


def least_load(problem: Problem) -> Choice | None:
    """An answer; None where tasks were left that no machine had capacity for, which doesn't mean that there is none."""
    seconds = np.where(problem.can(), problem.seconds, np.inf)
    shortest = seconds.min(axis=1, initial=np.inf)
    loads, free = problem.ready.copy(), problem.capacity.copy()
    choice = np.full(len(seconds), -1, np.int64)
    greedy_for = problem.demand if np.isfinite(free).any() else shortest
    for task in np.lexsort((-shortest, -greedy_for)):
        done = np.where(free >= problem.demand[task] * (1 - 1e-9), loads + seconds[task], np.inf)
        machine = int(done.argmin())
        if not np.isfinite(done[machine]):
            return None
        choice[task] = machine
        loads[machine] = done[machine]
        free[machine] -= problem.demand[task]
    return choice


def improved(problem: Problem, choice: Choice) -> Choice:
    """A choice that no single move or swap of the machine that is done last makes better."""
    choice = choice.copy()
    seconds = np.where(problem.can(), problem.seconds, np.inf)
    loads = problem.loads(choice)
    free = problem.capacity.copy()
    np.subtract.at(free, choice, problem.demand)
    while len(choice):
        used = np.unique(choice)
        last = int(used[loads[used].argmax()])
        change = _move(problem, seconds, choice, loads, free, last) or _swap(
            problem, seconds, choice, loads, free, last
        )
        if change is None:
            return choice
        for task, machine in change:
            old = choice[task]
            loads[old] -= seconds[task, old]
            loads[machine] += seconds[task, machine]
            free[old] += problem.demand[task]
            free[machine] -= problem.demand[task]
            choice[task] = machine
    return choice


_Change = list[tuple[int, int]]


def _move(
    problem: Problem, seconds: Numbers, choice: Choice, loads: Numbers, free: Numbers, last: int
) -> _Change | None:
    tasks = np.flatnonzero(choice == last)
    after = np.maximum(loads[None, :] + seconds[tasks], (loads[last] - seconds[tasks, last])[:, None])
    after[problem.demand[tasks][:, None] > free[None, :]] = np.inf
    after[:, last] = np.inf
    at = int(after.argmin())
    task, machine = divmod(at, len(loads))
    return [(int(tasks[task]), machine)] if after.flat[at] < loads[last] * (1 - 1e-12) else None


def _swap(
    problem: Problem, seconds: Numbers, choice: Choice, loads: Numbers, free: Numbers, last: int
) -> _Change | None:
    mine, others = np.flatnonzero(choice == last), np.flatnonzero(choice != last)
    if not len(others):
        return None
    theirs = choice[others]
    here = loads[last] - seconds[mine, last][:, None] + seconds[others, last][None, :]
    there = loads[theirs] - seconds[others, theirs] + seconds[np.ix_(mine, theirs)]
    more = problem.demand[mine][:, None] - problem.demand[others][None, :]
    after = np.maximum(here, there)
    after[(more > free[theirs][None, :]) | (-more > free[last])] = np.inf
    at = int(after.argmin())
    task, other = divmod(at, len(others))
    if not after.flat[at] < loads[last] * (1 - 1e-12):
        return None
    return [(int(mine[task]), int(theirs[other])), (int(others[other]), last)]
