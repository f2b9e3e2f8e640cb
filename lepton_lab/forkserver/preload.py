"""For Dask's `--preload`: a worker that has started has TensorFlow loaded beside it, in the background."""

from __future__ import annotations

from lepton_lab.forkserver import hold


def dask_setup(worker: object) -> None:
    """Called by Dask in each worker; returns at once."""
    hold(delay=1.0)
