"""Workers for a cluster of another host: `python -m lepton_lab.cluster.join INVITATION`.

Run on a host that has Lepton Lab and can reach the cluster's address, with the file that `%lepton cluster invite`
wrote. The workers live as long as this command, and end when the cluster does. A training run needs the workspace's
folder as well, under the same path (a shared file system); `lab.map` doesn't.
"""

from __future__ import annotations

import argparse
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lepton_lab.cluster import _invite, _logs, _processes, _reach, _start, _versions
from lepton_lab.cluster._plan import WorkerPlan, check_host, device_names, make_plan
from lepton_lab.cluster._record import Record
from lepton_lab.errors import ClusterError, LeptonError

_LOOK_SECONDS = 0.2
_START_SECONDS = 10.0
"""Workers that end within this time though the cluster can be reached would do so again."""
_AGAIN_SECONDS = 60.0
"""For so long they try again if they were there before: the cluster may not have missed them yet, and refuse them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m lepton_lab.cluster.join", description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("invitation", type=Path, help="the file that `%%lepton cluster invite` wrote")
    parser.add_argument("--host", help="the address of this machine at which the workers listen")
    parser.add_argument("--name", default=socket.gethostname().split(".")[0], help="what the workers' names begin with")
    parser.add_argument("--workers", type=int, help="how many; one per core (or GPU) if left out")
    parser.add_argument("--device", default="auto", choices=device_names(), help="what they compute on")
    parser.add_argument("--cpu-workers", type=int, default=0, help="CPU workers beside those of GPUs or the like")
    parser.add_argument("--threads", type=int, help="threads of each worker")
    parser.add_argument("--memory", help="memory of each worker, such as 4GB; an equal share if left out")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:  # the terminal has gone; `nohup` has it ignored
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    try:
        join(
            given.invitation,
            given.host,
            given.name,
            make_plan(given.workers, given.device, given.threads, given.memory, given.cpu_workers),
        )
    except KeyboardInterrupt:
        print("The workers have left.", flush=True)
    except LeptonError as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    return 0


def join(invitation: Path, host: str | None, name: str, plan: Sequence[WorkerPlan]) -> None:
    """Start workers and stay until they have ended.

    Raises
    ------
    LeptonError
        If something doesn't fit, or the workers ended unasked.
    """
    held = _invite.read_pass(invitation)
    _versions.compare(held.versions, _versions.versions(), "this host")
    host = host or _reach.facing(held.address)
    check_host(host)
    plans = tuple(replace(worker, name=f"{name}-{number}") for number, worker in enumerate(plan))
    with tempfile.TemporaryDirectory(prefix="lepton-join-") as folder:
        record = Record(held.cluster, Path(folder), False, (), plans, held.address, preload=held.preload, host=host)
        record.logs.mkdir()
        _invite.unpack(held, record.tls)
        _reach.check(held.address, record.tls)
        print(f"{len(plans)} worker(s) of {host} join {held.cluster} at {held.address}; Ctrl-C ends them.", flush=True)
        lost: float | None = None
        while True:
            began = time.monotonic()
            with _processes.deferring_interrupts():
                process = _start.workers(record, held.address, plans, retires=True)
            try:
                while process.is_alive():
                    time.sleep(_LOOK_SECONDS)
            finally:
                _processes.end([process], patience=5.0)
            # Dask's workers end when they lose their scheduler, be it that it has ended or that none can reach it now.
            _reach.wait(held.address)
            if time.monotonic() - began >= _START_SECONDS:
                lost = time.monotonic()
                print("The cluster can be reached again: the workers join it anew.", flush=True)
            elif lost is None or time.monotonic() - lost > _AGAIN_SECONDS:
                raise ClusterError(_why(record.logs / "nanny.log"))


def _why(log: Path) -> str:
    """Why workers ended while they started, and what to do, by their log."""
    cause = _logs.cause(log)
    if "name taken" in cause:
        name = cause.partition("name taken, ")[2].partition("'")[0]
        return f"The cluster has a worker {name} already, perhaps of this host: give these another --name."
    return f"The workers ended while they started: {cause}"


if __name__ == "__main__":
    sys.exit(main())
