"""The command lines of Dask that make up a cluster, and what they are told."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from lepton_lab.cluster import _processes, _tls
from lepton_lab.cluster._connect import RESOURCE
from lepton_lab.cluster._plan import WorkerPlan
from lepton_lab.cluster._processes import Process
from lepton_lab.cluster._record import Record
from lepton_lab.cluster._worker import LOGS
from lepton_lab.files import write_json

LOOPBACK = "127.0.0.1"
"""Where the web server with Dask's dashboard listens always, and all else unless told otherwise."""
SILENCE_TIMEOUT = "12s"
"""After which a connection to another host counts as cut that says nothing, not even by TCP's own keep-alive.

At its end Dask has TCP send ten probes, a second apart, so it must be more than 10 s.
"""
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
# As Dask comes, each of its processes wakes 50 times a second to measure its own delays, which is 3 to 5 % of a core
# where nothing is done, and every call's stack is sampled 100 times a second. Our panels show neither.
_CALM = {
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "200ms",
    "DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__INTERVAL": "2s",
    "DASK_DISTRIBUTED__WORKER__PROFILE__INTERVAL": "100ms",
}


@contextmanager
def held_port(host: str) -> Iterator[int]:
    """A free port of this address, which nobody else gets meanwhile.

    The socket is bound but doesn't listen, so that Dask, which binds with SO_REUSEADDR too, may still have the port.
    """
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((host, 0))
        yield int(held.getsockname()[1])


def scheduler(record: Record, port: int) -> Process:
    """Start `dask scheduler`; it writes `SCHEDULER_FILE` when it listens."""
    folder, tls = record.folder, record.tls
    command = [
        "distributed.cli.dask_scheduler",
        "--protocol",
        "tls",
        "--host",
        record.host,
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
        f"{LOOPBACK}:0",
        "--preload",
        "lepton_lab.cluster._lifeline",
        "--preload",
        "lepton_lab.cluster._dashboard",
        "--preload",
        "lepton_lab.cluster._cut",
    ]
    command += ["--idle-timeout", record.idle_timeout] if record.idle_timeout else []
    environment = {
        **_common(record),
        "DASK_DISTRIBUTED__SCHEDULER__HTTP__ROUTES": _ROUTES,
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    return _processes.start(command, record.logs / "scheduler.log", environment, record.detached)


def _common(record: Record) -> dict[str, str]:
    """What every process of the cluster is told."""
    silence = {} if record.host == LOOPBACK else {"DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": SILENCE_TIMEOUT}
    return {"DASK_TEMPORARY_DIRECTORY": str(record.folder / "scratch"), **_NO_NVML, **_CALM, **silence}


def workers(record: Record, address: str, plans: Sequence[WorkerPlan], *, retires: bool = False) -> Process:
    """Start one `dask spec`, a process that holds a nanny for each of these workers, of the scheduler at `address`.

    The workers are forked from it rather than started afresh: that spares each the import of Dask (0.4 s), and they
    share its memory, which makes a worker of 50 MB one of 30 MB. The nannies start a worker that died again.

    Parameters
    ----------
    retires
        Whether they take their leave when the process is told to end, rather than vanish.
    """
    options = {
        "host": record.host,
        "dashboard": False,
        "dashboard_address": f"{LOOPBACK}:0",
        "local_directory": str(record.folder / "scratch"),
        "death_timeout": DEATH_TIMEOUT,
        "security": {"require_encryption": True, **_tls.options(record.tls, "worker")},
        # what carries calls is loaded once, before the workers are forked, so that one that dies often gets them done
        "preload_nanny": ["lepton_lab.cluster._lifeline", "lepton_lab.schedule._carry"],
        "preload": ["lepton_lab.cluster._worker", *record.preload],
        "retires": retires,
    }
    spec = {
        plan.name: {
            "cls": "lepton_lab.cluster._nanny.Nanny",
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
    path = record.folder / f"workers-{plans[0].name}.json"
    write_json(path, spec)
    environment = {
        **_common(record),
        "DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD": "fork",
        # Both must be set before Python starts: gives memory back to the system, and lets workers agree on hashes.
        "MALLOC_TRIM_THRESHOLD_": "65536",
        "PYTHONHASHSEED": "6640",
        LOGS: str(record.logs),
    }
    command = ["distributed.cli.dask_spec", "--spec-file", str(path), address]
    return _processes.start(command, record.logs / "nanny.log", environment, record.detached)
