"""Whether another host's scheduler can be reached from here, before workers are started for it and after they ended."""

from __future__ import annotations

import socket
import ssl
import time
from pathlib import Path

from lepton_lab.cluster import _tls
from lepton_lab.errors import ClusterError

PATIENCE = 600
"""Seconds for which to look for a cluster that can't be reached any more: a cable may be pulled for a while."""
FIRST_SECONDS = 10.0
"""How long the scheduler may take to answer the first time."""
_KNOCK_SECONDS = 2.0
_PAUSE_SECONDS = 0.2


def check(address: str, tls: Path) -> None:
    """Shake hands with the scheduler, with a worker's certificate.

    Raises
    ------
    ClusterError
        If nobody answers, or somebody else; or the certificates aren't good by this machine's clock.
    """
    files = _tls.options(tls, "worker")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # the authority is this cluster's own, and signs for nobody else
    context.load_verify_locations(files["tls_ca_file"])
    context.load_cert_chain(files["tls_worker_cert"], files["tls_worker_key"])
    try:
        with socket.create_connection(_host_and_port(address), FIRST_SECONDS) as plain, context.wrap_socket(plain):
            return
    except ConnectionRefusedError:
        why = "nothing listens there: the cluster has ended, or a firewall refuses"
    except ssl.SSLCertVerificationError as error:
        why = f"somebody else answers there ({error.verify_message}): make a new invitation"
        if error.verify_code in (_NOT_YET_VALID, _EXPIRED):
            why = (
                f"by this machine's clock, {error.verify_message}: set the clocks right on both hosts, or, if the "
                "cluster is weeks old, start it again and make a new invitation"
            )
    except ssl.SSLError as error:
        why = f"somebody else answers there ({error.reason or error}): make a new invitation"
    except TimeoutError:
        why = f"no answer within {FIRST_SECONDS:.0f} s: is the host up, and does a firewall let the port through"
    except OSError as error:
        why = f"{error.strerror or error}: see the network"
    raise ClusterError(f"The cluster at {address} can't be joined; {why}.")


_NOT_YET_VALID, _EXPIRED = 9, 10
"""X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL."""


def wait(address: str) -> None:
    """Wait until the scheduler can be reached again.

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
            time.sleep(_PAUSE_SECONDS)
    raise ClusterError(f"The workers have ended: the cluster at {address} can't be reached ({error}).")


def facing(address: str) -> str:
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


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition("//")[2].rpartition(":")
    return host.strip("[]"), int(port)
