"""The command lines of Dask that make up a cluster, and what they are told."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lepton_lab.cluster import _processes, _tls
from lepton_lab.cluster._connect import RESOURCE
from lepton_lab.cluster._plan import WorkerPlan
from lepton_lab.cluster._processes import Process
from lepton_lab.cluster._worker import LOGS
from lepton_lab.files import write_json

HOST = "127.0.0.1"
IDLE_TIMEOUT = "1h"
"""After which a detached cluster without work ends itself."""
DEATH_TIMEOUT = 60
"""Seconds for which a worker waits for a scheduler that doesn't answer, before it ends itself."""
SCHEDULER_FILE = "scheduler.json"

# Dask's own pages and the dashboard's; without the route that forwards requests to other ports of this machine.
_ROUTES = (
    "['distributed.http.scheduler.info', 'distributed.http.scheduler.json', 'distributed.http.health', "
    "'distributed.http.statics']"
)


# Our own heartbeats tell GPUs' load. Where none is to be seen, Dask would ask NVML for that of number -1, and fail.
_NO_NVML = {"DASK_DISTRIBUTED__DIAGNOSTICS__NVML": "False"}


@contextmanager
def held_port() -> Iterator[int]:
    """A free port on loopback, which nobody else gets meanwhile.

    The socket is bound but doesn't listen, so that Dask, which binds with SO_REUSEADDR too, may still have the port.
    """
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((HOST, 0))
        yield int(held.getsockname()[1])


def scheduler(folder: Path, port: int, detach: bool) -> Process:
    """Start `dask scheduler`; it writes `SCHEDULER_FILE` when it listens."""
    tls = folder / "tls"
    command = [
        "distributed.cli.dask_scheduler",
        "--protocol",
        "tls",
        "--host",
        HOST,
        "--port",
        str(port),
        "--tls-ca-file",
        str(tls / "ca.pem"),
        "--tls-cert",
        str(tls / "scheduler.pem"),
        "--tls-key",
        str(tls / "scheduler.key"),
        "--scheduler-file",
        str(folder / SCHEDULER_FILE),
        "--no-dashboard",
        "--dashboard-address",
        f"{HOST}:0",
        "--preload",
        "lepton_lab.cluster._lifeline",
        "--preload",
        "lepton_lab.cluster._dashboard",
    ]
    command += ["--idle-timeout", IDLE_TIMEOUT] if detach else []
    environment = {
        "DASK_DISTRIBUTED__SCHEDULER__HTTP__ROUTES": _ROUTES,
        "DASK_TEMPORARY_DIRECTORY": str(folder / "scratch"),
        "CUDA_VISIBLE_DEVICES": "-1",
        **_NO_NVML,
    }
    return _processes.start(command, folder / "logs" / "scheduler.log", environment, detach)


def workers(folder: Path, address: str, plans: Sequence[WorkerPlan], preload: Sequence[str], detach: bool) -> Process:
    """Start one `dask spec`, a process that holds a nanny for each of these workers.

    The workers are forked from it rather than started afresh: that spares each the import of Dask (0.4 s), and they
    share its memory, which makes a worker of 50 MB one of 30 MB. The nannies start a worker that died again.
    """
    options = {
        "host": HOST,
        "dashboard": False,
        "dashboard_address": f"{HOST}:0",
        "local_directory": str(folder / "scratch"),
        "death_timeout": DEATH_TIMEOUT,
        "security": {"require_encryption": True, **_tls.options(folder / "tls", "worker")},
        "preload_nanny": ["lepton_lab.cluster._lifeline"],
        "preload": ["lepton_lab.cluster._worker", *preload],
    }
    spec = {
        plan.name: {
            "cls": "distributed.Nanny",
            "opts": {
                **options,
                "name": plan.name,
                "nthreads": plan.threads,
                "memory_limit": plan.memory,
                "resources": {RESOURCE: 1, **plan.device.resources},
                "env": plan.device.variables,
            },
        }
        for plan in plans
    }
    path = folder / f"workers-{plans[0].name}.json"
    write_json(path, spec)
    environment = {
        "DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD": "fork",
        # Both must be set before Python starts: gives memory back to the system, and lets workers agree on hashes.
        "MALLOC_TRIM_THRESHOLD_": "65536",
        "PYTHONHASHSEED": "6640",
        "DASK_TEMPORARY_DIRECTORY": str(folder / "scratch"),
        LOGS: str(folder / "logs"),
        **_NO_NVML,
    }
    command = ["distributed.cli.dask_spec", "--spec-file", str(path), address]
    return _processes.start(command, folder / "logs" / "nanny.log", environment, detach)
