"""Dask's client: connecting it, asking the scheduler about its workers, and closing it without a word."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lepton_lab.types import WorkerInfo

RESOURCE = "lepton"
"""Dask's resource of which each worker has one."""

if TYPE_CHECKING:
    from distributed import Client
    from distributed.security import Security

log = logging.getLogger(__name__)
_LOGGERS = (
    "distributed",
    "distributed.client",
    "distributed.core",
    "distributed.comm",
    "tornado.application",
    "asyncio",
)


def connect(address: str, security: Security | None, timeout: float) -> Client:
    """A client of the scheduler at `address`; it becomes Dask's default one. Raises OSError if nobody answers."""
    from distributed import Client

    try:
        return Client(address, security=security, timeout=timeout)
    except Exception as error:
        # The half-made client ends here: if the collector came upon it while another one starts, that would wait for
        # itself, since ending a client and starting one take the same lock.
        error.__traceback__ = error.__context__ = error.__cause__ = None
        with silence():
            gc.collect()
        raise


def describe(client: Client) -> Mapping[str, Mapping[str, Any]]:
    """What the scheduler says of each of its workers now, by address.

    `Client.scheduler_info` answers with what the client has cached, which its own refresh empties every 2 s.
    """
    workers: Mapping[str, Mapping[str, Any]] = client.sync(client.scheduler.identity, n_workers=-1)["workers"]
    return workers


def events(client: Client, topic: str) -> Sequence[tuple[float, Mapping[str, Any]]]:
    """What was told under one of the scheduler's topics, and when (seconds since the epoch); the latest last."""
    return tuple(client.sync(client.scheduler.events, topic=topic) or ())


def has_left(client: Client, address: str) -> bool:
    """Whether a worker that is gone left on purpose, as the scheduler saw it."""
    removed = [told for _, told in events(client, address) if told.get("action") == "remove-worker"]
    return bool(removed) and bool(removed[-1].get("expected"))


def worker_infos(workers: Mapping[str, Mapping[str, Any]]) -> tuple[WorkerInfo, ...]:
    """The same as values, in the order of the workers' numbers."""
    found = [
        WorkerInfo(
            str(worker["name"]),
            address,
            str(worker.get("host", "")),
            int(worker["nthreads"]),
            int(worker.get("memory_limit") or 0),
            str(worker.get("status", "running")),
            _kind(worker.get("resources", {})),
        )
        for address, worker in workers.items()
    ]
    return tuple(sorted(found, key=lambda worker: (len(worker.name), worker.name)))


def _kind(resources: Mapping[str, float]) -> str:
    """What a worker computes on, by its resources: ours have but that of their device besides `lepton`."""
    names = [name for name, amount in resources.items() if amount and name != RESOURCE]
    known = names if RESOURCE in resources else [name for name in names if name in ("GPU", "TPU")]
    return known[0].lower() if known else "cpu"


def close(client: Client | None) -> None:
    """Disconnect, whether or not the scheduler still answers."""
    if client is not None:
        with silence():
            try:
                client.close(timeout=2)
            except Exception:  # what Dask was about to do, such as to connect anew, fails in its own ways meanwhile
                log.debug("closing the client", exc_info=True)


@contextmanager
def silence() -> Iterator[None]:
    """Keep Dask from logging into the notebook what is only the end of a connection."""
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name in levels:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
