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

from lepton_lab.cluster import _invite, _logs, _processes, _start, _versions
from lepton_lab.cluster._plan import WorkerPlan, check_host, device_names, make_plan
from lepton_lab.cluster._record import Record
from lepton_lab.errors import ClusterError, LeptonError

PATIENCE = 600
"""Seconds for which to look for a cluster that can't be reached: a cable may be pulled for a while."""
_LOOK_SECONDS = 0.2
_KNOCK_SECONDS = 2.0
_START_SECONDS = 10.0
"""Workers that end within this time though the cluster can be reached would do so again."""


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
    host = host or _facing(held.address)
    check_host(host)
    plans = tuple(replace(worker, name=f"{name}-{number}") for number, worker in enumerate(plan))
    with tempfile.TemporaryDirectory(prefix="lepton-join-") as folder:
        record = Record(held.cluster, Path(folder), False, (), plans, held.address, preload=held.preload, host=host)
        record.logs.mkdir()
        _invite.unpack(held, record.tls)
        print(f"{len(plans)} worker(s) of {host} join {held.cluster} at {held.address}; Ctrl-C ends them.", flush=True)
        while True:
            began = time.monotonic()
            process = _start.workers(record, held.address, plans, retires=True)
            try:
                while process.is_alive():
                    time.sleep(_LOOK_SECONDS)
            finally:
                _processes.end([process], patience=5.0)
            # Dask's workers end when they lose their scheduler, be it that it has ended or that none can reach it now.
            _wait_for(held.address)
            if time.monotonic() - began < _START_SECONDS:
                raise ClusterError(f"The workers ended while they started: {_logs.cause(record.logs / 'nanny.log')}")
            print("The cluster can be reached again: the workers join it anew.", flush=True)


def _wait_for(address: str) -> None:
    """Wait until the scheduler can be reached.

    Raises
    ------
    ClusterError
        If it has ended, or can't be reached for long.
    """
    deadline = time.monotonic() + PATIENCE
    error: OSError | None = None
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(_host_and_port(address), timeout=_KNOCK_SECONDS):
                return
        except ConnectionRefusedError:
            raise ClusterError(f"The workers have ended, since the cluster at {address} has.") from None
        except OSError as caught:
            if error is None:
                print(f"The cluster at {address} can't be reached ({caught}): waiting for it.", flush=True)
            error = caught
            time.sleep(_LOOK_SECONDS)
    raise ClusterError(f"The workers have ended: the cluster at {address} can't be reached ({error}).")


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition("//")[2].rpartition(":")
    return host.strip("[]"), int(port)


def _facing(address: str) -> str:
    """The address by which this machine would reach another one; nothing is sent."""
    there = _host_and_port(address)
    try:
        with socket.socket(socket.AF_INET6 if ":" in there[0] else socket.AF_INET, socket.SOCK_DGRAM) as trial:
            trial.connect(there)
            return str(trial.getsockname()[0])
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"There is no way from here to the cluster at {address} ({error}): see the network."
        ) from None


if __name__ == "__main__":
    sys.exit(main())
