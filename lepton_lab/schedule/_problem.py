"""What is to be done by whom, in numbers; and what is known of any answer to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Choice = NDArray[np.int64]
"""Which machine does each task, (tasks,)."""


@dataclass(frozen=True)
class Problem:
    """Independent tasks on unrelated machines, each of which does one task at a time (R || Cmax, with capacities).

    See Lenstra, Shmoys and Tardos 1990, https://doi.org/10.1007/BF01585745.
    """

    seconds: Numbers
    """(tasks, machines): how long a task takes on a machine; infinite where the machine can't do it."""
    ready: Numbers
    """(machines,): from when on a machine is free, in seconds from now."""
    demand: Numbers
    """(tasks,): how much of a machine's capacity a task uses up."""
    capacity: Numbers
    """(machines,): infinite where nothing bounds it."""

    def loads(self, choice: Choice) -> Numbers:
        """When each machine is done, (machines,)."""
        loads = self.ready.copy()
        np.add.at(loads, choice, self.seconds[np.arange(len(choice)), choice])
        return loads

    def makespan(self, choice: Choice) -> float:
        """When the last machine that does anything is done; infinite where a capacity is broken."""
        used = np.zeros(len(self.ready))
        np.add.at(used, choice, self.demand)
        if np.any(used > self.capacity * (1 + 1e-9)):
            return float("inf")
        return float(self.loads(choice)[np.unique(choice)].max(initial=0.0))

    def can(self) -> NDArray[np.bool_]:
        """(tasks, machines): whether a machine could do a task if it did nothing else."""
        return np.isfinite(self.seconds) & (self.demand[:, None] <= self.capacity[None, :])

    def bound(self) -> float:
        """What no answer can be better than."""
        return max(self.longest(), self.even_share())

    def longest(self) -> float:
        """The longest of all tasks, each where it is done the soonest."""
        if not len(self.seconds):
            return 0.0
        possible = np.where(self.can(), self.seconds + self.ready, np.inf)
        return float(possible.min(axis=1).max())

    def even_share(self) -> float:
        """How long all would take if tasks could be torn apart, and faster machines were as much faster for every task.

        The sum over tasks of min_j w_j seconds_ij is a bound for any weights w_j of machines that sum to 1 (it is dual
        to tearing tasks apart); here these are the machines' speeds, by the mean of the tasks that each can do.
        """
        seconds = np.where(self.can(), self.seconds, np.inf)
        finite = np.isfinite(seconds)
        useful = finite.any(axis=0)
        if not useful.any():
            return 0.0
        seconds, finite = seconds[:, useful], finite[:, useful]
        means = np.where(finite, seconds, 0.0).sum(axis=0) / finite.sum(axis=0)
        if not means.all():
            return 0.0
        weights = 1 / means
        return float((seconds * (weights / weights.sum())).min(axis=1).sum())
