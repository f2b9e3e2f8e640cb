"""How long calls take on workers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lepton_lab.types import WorkerInfo

if TYPE_CHECKING:
    from lepton_lab.schedule._seats import Call

_REMEMBERED = 20
"""Calls over which the mean of what was measured goes."""


class Speeds:
    """How long calls take by kind of device: as declared, corrected by what was measured.

    Parameters
    ----------
    bytes_per_second
        How fast data comes to a worker that doesn't hold it.
    """

    def __init__(self, bytes_per_second: float = math.inf) -> None:
        self._bytes_per_second = bytes_per_second
        self._factors: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    def factor(self, kind: str) -> float:
        """How many times as long as declared a call takes."""
        return self._factors.get(kind, 1.0)

    def is_measured(self, kind: str) -> bool:
        """Whether a call was done on this kind of device."""
        return kind in self._factors

    def seconds(self, call: Call, worker: WorkerInfo) -> float:
        """How long a call should take, its data's way included; infinite where the worker can't do it."""
        if 0 < worker.memory_limit < call.demand:
            return math.inf
        takes = call.declared(worker.device) * self.factor(worker.device)
        is_away = call.data is not None and worker.address not in call.data.at
        return takes + call.data.num_bytes / self._bytes_per_second if call.data is not None and is_away else takes

    def learn(self, call: Call, kind: str, seconds: float) -> None:
        """Take note of how long one took, without the way of a Dask future's data."""
        declared = call.declared(kind)
        if declared > 0:
            self._counts[kind] = count = self._counts.get(kind, 0) + 1
            before = self.factor(kind)
            self._factors[kind] = before + (seconds / declared - before) / min(count, _REMEMBERED)
