"""The best answer there is, by integer programming (HiGHS, https://highs.dev, through `scipy.optimize.milp`).

Minimise T, where each task i is on one machine j (x_ij in {0, 1}, their sum over j is 1), no machine is done after T
(ready_j u_j + sum_i seconds_ij x_ij <= T, where u_j in {0, 1} says whether it does anything: x_ij <= u_j), and none has
more than its capacity (sum_i demand_i x_ij <= capacity_j).
"""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lepton_lab.schedule import _solver
from lepton_lab.schedule._least_load import improved, least_load
from lepton_lab.schedule._problem import Choice, Numbers, Problem

log = logging.getLogger(__name__)

_TELL_SECONDS = 0.25
_LATE_SECONDS = 10.0
"""How much longer than allowed it may take, with starting, before it is ended."""
_EXACT = 1e-6
"""A relative gap that counts as none."""


@dataclass(frozen=True)
class Answer:
    """A choice, and how good it can be said to be."""

    choice: Choice
    makespan: float
    """Seconds."""
    bound: float
    """Seconds below which no choice can be."""
    method: str
    """`least load`, or `exact` where integer programming made it better or said how good it is."""


def solve(problem: Problem, limit: float, tell: Callable[[float], None] = lambda share: None) -> Answer | None:
    """The best choice that is found in about `limit` seconds; None where it is shown that there is none.

    Parameters
    ----------
    tell
        Hears what share of the time is over, while it looks for a better one by integer programming.

    Raises
    ------
    TimeoutError
        If none was found in that time, though there may be one.
    """
    began = time.monotonic()
    choice = least_load(problem)
    choice = improved(problem, choice) if choice is not None else None
    best = problem.makespan(choice) if choice is not None else np.inf
    bound = problem.bound()
    if choice is None or best > bound * (1 + _EXACT):
        relaxed, rounded = _relaxed(problem)
        if relaxed is None:
            return None
        bound = max(bound, relaxed)
        if rounded is not None and problem.makespan(rounded) < best:
            choice, best = rounded, problem.makespan(rounded)
    if choice is not None and best <= bound * (1 + _EXACT):
        return Answer(choice, best, bound, "least load")
    found, lower = _integer(problem, best, max(0.1, limit - (time.monotonic() - began)), tell)
    if lower is None and choice is None and found is None:
        return None
    bound = max(bound, min(lower or 0.0, best))
    if found is not None:
        found = improved(problem, found)
        if problem.makespan(found) < best:
            choice, best = found, problem.makespan(found)
    if choice is None:
        raise TimeoutError
    return Answer(choice, best, min(bound, best), "exact")


def _parts(problem: Problem, below: float) -> tuple[Any, Any, Numbers, Numbers]:
    """Which pairs of task and machine there are, and the program's rows: matrix, lowest and highest values."""
    from scipy.sparse import coo_array, vstack

    n, m = problem.seconds.shape
    able = problem.can() & (problem.seconds + problem.ready < below)
    tasks, machines = np.nonzero(able)
    k, one = len(tasks), np.arange(len(tasks))
    seconds = problem.seconds[tasks, machines]
    width = k + m + 1  # the pairs, whether each machine does anything, and T
    every, used, last = np.arange(m), k + np.arange(m), np.full(m, k + m)
    once = coo_array((np.ones(k), (tasks, one)), (n, width))
    time_ = coo_array(
        (
            np.concatenate([seconds, problem.ready, -np.ones(m)]),
            (np.concatenate([machines, every, every]), np.concatenate([one, used, last])),
        ),
        (m, width),
    )
    late = np.flatnonzero(problem.ready[machines] > 0)
    link = coo_array(
        (
            np.append(np.ones(len(late)), -np.ones(len(late))),
            (np.tile(np.arange(len(late)), 2), np.append(late, k + machines[late])),
        ),
        (len(late), width),
    )
    bounded = np.flatnonzero(np.isfinite(problem.capacity))
    among = np.isin(machines, bounded)
    rows = np.searchsorted(bounded, machines[among])
    room = coo_array((problem.demand[tasks[among]], (rows, one[among])), (len(bounded), width))
    high = np.concatenate([np.ones(n), np.zeros(m + len(late)), problem.capacity[bounded]])
    low = np.concatenate([np.ones(n), np.full(len(high) - n, -np.inf)])
    return (tasks, machines), vstack([once, time_, link, room], "csr"), low, high


def _relaxed(problem: Problem) -> tuple[float | None, Choice | None]:
    """The bound where tasks may be torn apart, and a choice near it; no bound where even so there is no answer."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    (tasks, machines), matrix, low, high = _parts(problem, np.inf)
    k = len(tasks)
    ones = np.ones(matrix.shape[1] - 1)
    result = milp(
        np.append(0 * ones, 1.0),
        constraints=LinearConstraint(matrix, low, high),
        bounds=Bounds(0, np.append(ones, np.inf)),
    )
    if result.status == 2:
        return None, None
    if result.x is None:
        return 0.0, None
    share = np.full(problem.seconds.shape, -1.0)
    share[tasks, machines] = result.x[:k]
    rounded = improved(problem, share.argmax(axis=1))
    return float(result.fun), rounded if np.isfinite(problem.makespan(rounded)) else None


def _integer(
    problem: Problem, best: float, limit: float, tell: Callable[[float], None]
) -> tuple[Choice | None, float | None]:
    """A choice better than `best`, if one was found in time; and the bound, None where there is no choice at all."""
    (tasks, machines), matrix, low, high = _parts(problem, best)
    k = len(tasks)
    if not np.all(np.isin(np.arange(len(problem.seconds)), tasks)):
        return None, best if np.isfinite(best) else None
    with tempfile.TemporaryDirectory(prefix="lepton-plan-") as folder:
        given = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr, "shape": matrix.shape}
        np.savez(Path(folder) / "given.npz", **given, low=low, high=high, best=best, limit=limit)
        if not _run(folder, limit, tell):
            return None, 0.0
        with np.load(Path(folder) / "found.npz", allow_pickle=False) as found:
            is_impossible, x, lower = bool(found["is_impossible"]), found["x"], float(found["bound"])
    if is_impossible:  # nothing is below `best`
        return None, best if np.isfinite(best) else None
    if not len(x):
        return None, lower
    share = np.full(problem.seconds.shape, -1.0)
    share[tasks, machines] = x[:k]
    return share.argmax(axis=1), lower


def _run(folder: str, limit: float, tell: Callable[[float], None]) -> bool:
    """Solve what lies in a folder; says whether that went well. An interrupt ends it at once."""
    command = [sys.executable, str(Path(_solver.__file__)), folder]
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            while process.poll() is None and (spent := time.monotonic() - began) < limit + _LATE_SECONDS:
                tell(min(1.0, spent / limit))
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_TELL_SECONDS)
        finally:
            process.kill()
            process.wait()
        errors = process.stderr.read() if process.stderr is not None else b""
    if process.returncode != 0:
        log.warning("the integer program was not solved (status %s): %s", process.returncode, errors.decode()[-500:])
    return process.returncode == 0
