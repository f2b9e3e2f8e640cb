"""What a controller asks of the workers, each with a time limit: a worker may have died, or been stopped."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from lepton_lab.errors import ClusterError, LeptonError
from lepton_lab.train import _supervisor
from lepton_lab.types import WorkerInfo

if TYPE_CHECKING:
    from distributed import Client

RESERVE_SECONDS = 15.0
RELEASE_SECONDS = 3.0
GANG_SECONDS = 60.0
"""How long another run may take to hand its tasks to the scheduler."""


def reserve(
    client: Client, token: str, generation: int, workers: Sequence[WorkerInfo], is_stopped: Callable[[], bool]
) -> list[str]:
    """A held port on each worker, as `host:port`, by rank.

    Raises
    ------
    ClusterError
        If a worker doesn't answer.
    LeptonError
        If the run was stopped meanwhile.
    """
    addresses: list[str] = []
    for rank, worker in enumerate(workers):
        if is_stopped():
            raise LeptonError("The run was stopped.")

        def hold(worker: WorkerInfo, rank: int = rank) -> Any:
            return _run(client, worker, _supervisor.reserve, token, generation, rank, worker.host)

        failed: dict[str, Exception] = {}
        answers = _ask([worker], hold, RESERVE_SECONDS, failed)
        if worker.name not in answers:
            error = failed.get(worker.name)
            why = f"within {RESERVE_SECONDS:.0f} s" if error is None else f"({type(error).__name__}: {error})"
            raise ClusterError(f"Worker {worker.name} does not answer {why}: see %lepton cluster status.")
        addresses.append(answers[worker.name])
    return addresses


def release(client: Client, token: str, generation: int, workers: Iterable[WorkerInfo]) -> None:
    """Have every worker that still answers let go of a run's ranks and ports.

    The others' ranks end by themselves: with their worker, or when it finds that nobody waits for them.
    """
    _ask(workers, lambda w: _run(client, w, _supervisor.release, token, generation), RELEASE_SECONDS)


def tell(client: Client, token: str, generation: int, workers: Iterable[WorkerInfo], message: str) -> None:
    """Say a word to a run's ranks."""
    _ask(workers, lambda w: _run(client, w, _supervisor.tell, token, generation, message), RELEASE_SECONDS)


def visible_devices(client: Client, workers: Sequence[WorkerInfo]) -> str:
    """The GPUs of these workers together, as CUDA_VISIBLE_DEVICES has them."""
    answers = _ask(workers, lambda w: _run(client, w, _supervisor.visible_devices), RESERVE_SECONDS)
    return ",".join(answers[worker.name] for worker in workers if answers.get(worker.name))


def in_one_go(client: Client, submit: Callable[[], dict[Any, int]]) -> dict[Any, int]:
    """Submit a run's tasks so that no other run's come in between.

    Each worker takes one rank at a time, in the order in which the tasks came. If two runs got one worker each, both
    would wait for the other for ever.
    """
    from distributed import Lock

    lock = Lock("lepton-gang", scheduler_rpc=client.scheduler, loop=client.loop)
    if not lock.acquire(timeout=GANG_SECONDS):
        raise ClusterError(f"Another run has been starting for {GANG_SECONDS:.0f} s: stop it, see %lepton runs.")
    try:
        futures = submit()
        keys, deadline = [future.key for future in futures], time.monotonic() + RESERVE_SECONDS
        while not client.run_on_scheduler(_has_tasks, keys) and time.monotonic() < deadline:
            time.sleep(0.01)  # submitted tasks go another way to the scheduler than the lock
        return futures
    finally:
        lock.release()


def _has_tasks(keys: list[str], dask_scheduler: Any = None) -> bool:
    return all(key in dask_scheduler.tasks for key in keys)


def _run(client: Client, worker: WorkerInfo, function: Callable[..., Any], *arguments: Any) -> Any:
    return client.run(function, *arguments, workers=[worker.address])[worker.address]


def _ask(
    workers: Iterable[WorkerInfo],
    ask: Callable[[WorkerInfo], Any],
    seconds: float,
    failed: dict[str, Exception] | None = None,
) -> dict[str, Any]:
    """Ask all at once; the answers that came in time, by worker name. `failed` gets what was raised instead."""
    answers: queue.Queue[tuple[str, Any]] = queue.Queue()

    def one(worker: WorkerInfo) -> None:
        try:
            answers.put((worker.name, ask(worker)))
        except Exception as error:  # it has gone, or the cluster has
            if failed is not None:
                failed[worker.name] = error

    threads = [threading.Thread(target=one, args=(worker,), daemon=True) for worker in workers]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return dict(answers.queue)
