"""How a run's work is laid out over the workers: which ranks there are, and with how many threads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lepton_lab.errors import InputError
from lepton_lab.types import WorkerInfo

STRATEGIES = ("auto", "single", "multiworker", "mirrored", "averaging", "tpu")
"""`single`: one rank with all cores of a host; `multiworker`: a rank on each worker, gradients summed at every step;
`mirrored`: one rank with all devices of a host; `averaging`: a rank on each worker that learns by itself, weights
averaged every few steps, which is another algorithm; `tpu`: one rank on a TPU host; `auto`: the fastest of the first
two, measured."""


@dataclass(frozen=True)
class Place:
    """Where a rank runs."""

    worker: WorkerInfo
    threads: int
    devices: int = 1


@dataclass(frozen=True)
class Layout:
    """The ranks of a run."""

    strategy: str
    """One of `STRATEGIES` but `auto`."""
    places: tuple[Place, ...]

    @property
    def title(self) -> str:
        """For a person: `"single (2 threads)"`, `"multiworker (2 ranks)"`."""
        if len(self.places) == 1:
            threads = self.places[0].threads
            return f"{self.strategy} ({threads} thread{'s' if threads > 1 else ''})"
        return f"{self.strategy} ({len(self.places)} ranks)"

    @property
    def workers(self) -> tuple[str, ...]:
        """Names of the workers, by rank."""
        return tuple(place.worker.name for place in self.places)


def of_one_kind(present: Sequence[WorkerInfo]) -> tuple[WorkerInfo, ...]:
    """The workers that can train together: those with GPUs, where there are any beside others.

    Ranks that sum gradients must have like devices, and a CPU's rank would hold up those of GPUs.
    """
    return tuple(worker for worker in present if worker.device == "gpu") or tuple(present)


def layouts(strategy: str, present: Sequence[WorkerInfo], limit: int | None = None) -> list[Layout]:
    """What there is to choose from under a strategy, the likeliest first; one, unless it is `auto`.

    Parameters
    ----------
    present
        The workers that can be used; of them those of one kind are.
    limit
        How many workers to use at most; None for all.

    Raises
    ------
    InputError
        If there is no worker.
    """
    present = sorted(of_one_kind(present), key=lambda worker: (worker.host, len(worker.name), worker.name))[:limit]
    if not present:
        raise InputError("The cluster has no worker: %lepton cluster scale 2.")
    hosts: dict[str, list[WorkerInfo]] = {}
    for worker in present:
        hosts.setdefault(worker.host, []).append(worker)
    whole = [Place(workers[0], sum(w.threads for w in workers), len(workers)) for workers in hosts.values()]
    largest = max(whole, key=lambda place: place.threads)
    each = tuple(Place(worker, min(w.threads for w in present)) for worker in present)
    if strategy in ("single", "mirrored", "tpu"):
        return [Layout(strategy, (largest if strategy != "single" else Place(largest.worker, largest.threads),))]
    if strategy in ("multiworker", "averaging"):
        return [Layout(strategy, each)]
    choices = [Layout("single", (Place(largest.worker, largest.threads),))]
    if 1 < len(hosts) < len(present):
        choices.append(Layout("multiworker", tuple(Place(place.worker, place.threads) for place in whole)))
    if len(present) > 1:
        choices.append(Layout("multiworker", each))
    return choices
