"""Plans of independent tasks on unlike machines: how far from the best, and how long it takes to find them.

The peer is least load alone (longest processing time first), as a plain scheduler would do it. For each size five
problems with seconds drawn uniformly from 1 to 100 for each pair of task and machine. Run with:
    python tests/benchmarks/bench_plan.py
"""

from __future__ import annotations

import statistics
import sys
import time

import numpy as np

from lepton_lab.schedule import make_plan
from lepton_lab.schedule._least_load import least_load
from lepton_lab.schedule._plan import _problem
from lepton_lab.types import Machine, Task

SIZES = ((20, 4), (50, 4), (50, 10), (100, 10), (200, 10), (200, 20))
SEEDS = range(5)
LIMIT = 20.0
"""Seconds for a plan."""


def main() -> int:
    print(
        f"{'tasks':>5} {'machines':>8} {'gap, median':>12} {'gap, worst':>11} {'seconds':>8} {'least load alone':>17}"
    )
    for num_tasks, num_machines in SIZES:
        gaps, times, ratios = [], [], []
        for seed in SEEDS:
            seconds = np.random.default_rng(seed).uniform(1, 100, (num_tasks, num_machines))
            tasks = [Task(f"t{i}", {f"k{j}": row[j] for j in range(num_machines)}) for i, row in enumerate(seconds)]
            machines = [Machine(f"m{j}", f"k{j}") for j in range(num_machines)]
            began = time.perf_counter()
            plan = make_plan(tasks, machines, LIMIT)
            times.append(time.perf_counter() - began)
            gaps.append(plan.gap)
            problem = _problem(tasks, machines)
            choice = least_load(problem)
            assert choice is not None
            ratios.append(problem.makespan(choice) / plan.makespan)
        print(
            f"{num_tasks:>5} {num_machines:>8} {statistics.median(gaps):>12.3%} {max(gaps):>11.3%} "
            f"{statistics.median(times):>8.2f} {statistics.median(ratios):>15.2f} x",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
