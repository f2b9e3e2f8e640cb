"""A line's points, bounded however long it grows.

The latest points are kept as they came. Older ones are merged: when the older part is full, neighbours become one
point and from then on twice as many points are merged as before. So four hours have the same resolution from their
first minute to nearly their last, and memory has a limit that does not depend on how long the lab is up.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

Row = tuple[float, ...]
Merge = Callable[[Sequence[float]], float]

MISSING = math.nan


def greatest(values: Sequence[float]) -> float:
    """The greatest that is not missing: peaks of a load outlive the merging."""
    return max((value for value in values if not math.isnan(value)), default=MISSING)


def mean(values: Sequence[float]) -> float:
    """The mean of those that are not missing."""
    present = [value for value in values if not math.isnan(value)]
    return math.fsum(present) / len(present) if present else MISSING


def merged(rows: Sequence[Row], merge: Merge) -> Row:
    """One row for several that follow each other; its time is the last one's."""
    return (rows[-1][0], *(merge(column) for column in list(zip(*rows, strict=True))[1:]))


def thinned(rows: Sequence[Row], limit: int, merge: Merge) -> list[Row]:
    """At most `limit` rows for these, each for equally many of them."""
    stride = -(-len(rows) // limit)
    if stride <= 1:
        return list(rows)
    return [merged(rows[i : i + stride], merge) for i in range(0, len(rows), stride)]


class History:
    """Rows of numbers, the time first. Not safe for threads: the panel holds a lock around it.

    Parameters
    ----------
    columns
        Names of the columns after `time`.
    merge
        How a column's values become one where the history is thinned.
    older, recent
        How many merged and how many original rows are kept.
    """

    def __init__(self, columns: Iterable[str], merge: Merge = greatest, older: int = 1500, recent: int = 500) -> None:
        self.columns = ("time", *columns)
        self.merge = merge
        self._older: list[Row] = []
        self._limit = older
        self._recent: deque[Row] = deque()
        self._num_recent = recent
        self._stride = 1
        self._bucket: list[Row] = []
        self._fresh: deque[Row] = deque(maxlen=recent)
        self._num_fresh = 0

    def __len__(self) -> int:
        return len(self._older) + len(self._bucket) + len(self._recent)

    def add(self, time: float, values: Mapping[str, float]) -> None:
        """Add a row: seconds since the epoch, and values by column; what is not there is missing."""
        row = (time, *(float(values.get(name, MISSING)) for name in self.columns[1:]))
        self._fresh.append(row)
        self._num_fresh += 1
        self._recent.append(row)
        if len(self._recent) > self._num_recent:
            self._bucket.append(self._recent.popleft())
            if len(self._bucket) >= self._stride:
                self._older.append(merged(self._bucket, self.merge))
                self._bucket = []
        if len(self._older) >= self._limit:
            self._older = thinned(self._older, self._limit // 2, self.merge)
            self._stride *= 2

    def rows(self) -> list[Row]:
        """All rows, oldest first."""
        return [*self._older, *self._bucket, *self._recent]

    def fresh(self) -> list[Row] | None:
        """The rows since this was last asked; None where they are more than the history keeps unmerged."""
        rows = list(self._fresh) if self._num_fresh <= self._num_recent else None
        self._fresh.clear()
        self._num_fresh = 0
        return rows
