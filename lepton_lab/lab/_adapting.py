"""The number of a lab's workers goes by the work, where its cluster is to."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lepton_lab.cluster import Adapter

if TYPE_CHECKING:
    from lepton_lab.cluster import Handle
    from lepton_lab.lab._lab import Lab


class Adapting:
    """What a lab wants of its cluster, and the thread that sees to it.

    Parameters
    ----------
    scale
        Makes it this many workers.
    """

    def __init__(self, lab: Lab, scale: Callable[[int], object]) -> None:
        self._lab, self._scale = lab, scale
        self._adapter: Adapter | None = None
        self._needs: dict[object, Callable[[], int]] = {}

    def begin(self, handle: Handle) -> None:
        """Go by the work from now on, if this cluster is to."""
        if handle.bounds is not None:
            self._adapter = Adapter(
                handle.bounds, lambda: self._num_wanted(handle), lambda: len(handle.workers()), self._scale
            )

    def stop(self) -> None:
        """Leave the number of workers as it is; waits for a change that is under way."""
        adapter, self._adapter = self._adapter, None
        if adapter is not None:
            adapter.stop()

    @contextmanager
    def needing(self, num_wanted: Callable[[], int]) -> Iterator[None]:
        """Count with work that Dask's scheduler doesn't know of.

        Parameters
        ----------
        num_wanted
            How many workers it could use; asked now and then, from another thread.
        """
        key = object()
        self._needs[key] = num_wanted
        try:
            yield
        finally:
            del self._needs[key]

    def _num_wanted(self, handle: Handle) -> int:
        """How many workers there is work for; a training run takes all that it gets."""
        if any(run.cluster == handle.name for run in self._lab.run.active()):
            return sys.maxsize
        return max([handle.num_wanted(), *(needed() for needed in tuple(self._needs.values()))])
