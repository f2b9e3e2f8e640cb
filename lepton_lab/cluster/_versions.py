"""Whether workers that somebody else started could run what they are sent."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import TYPE_CHECKING

from lepton_lab.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Client

MUST_FIT = ("python", "lepton-lab", "dask", "distributed", "cloudpickle")
"""What must be of the same version, else what is sent isn't understood; of Python and cloudpickle the first parts."""
SHOULD_FIT = ("numpy", "tensorflow", "tf_keras")
"""What should, else results may differ."""


def versions() -> dict[str, str]:
    """Of this process; empty for what isn't installed."""
    return {name: _version(name) for name in (*MUST_FIT, *SHOULD_FIT)}


def _version(name: str) -> str:
    if name == "python":
        return ".".join(platform.python_version_tuple()[:2])
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
    return found.split(".")[0] if name == "cloudpickle" else found


def check(client: Client) -> tuple[str, ...]:
    """Compare this process's versions with every worker's; gives what a person should know.

    Raises
    ------
    ClusterError
        If a worker could not run what it is sent.
    """
    told = client.run(_of_worker, on_error="return")
    own = versions()
    notes = []
    for address, theirs in told.items():
        if isinstance(theirs, Exception):
            raise ClusterError(
                f"The worker at {address} can't run Lepton Lab ({type(theirs).__name__}: {theirs}): install "
                f"lepton-lab {own['lepton-lab']} there."
            )
        notes += compare(own, theirs, f"the worker at {address}")
    return tuple(dict.fromkeys(notes))


def compare(own: dict[str, str], theirs: dict[str, str], who: str) -> list[str]:
    """What differs only a little, in words.

    Raises
    ------
    ClusterError
        If something must fit and doesn't.
    """
    wrong = [
        f"{name} {theirs.get(name) or 'missing'}, not {own[name]}" for name in MUST_FIT if theirs.get(name) != own[name]
    ]
    if wrong:
        raise ClusterError(f"The versions don't fit: {who} has {'; '.join(wrong)}. Install the same on both sides.")
    return [
        f"{who} has {name} {theirs.get(name) or 'missing'}, not {own[name]}"
        for name in SHOULD_FIT
        if theirs.get(name) != own[name]
    ]


def _of_worker() -> dict[str, str]:
    """Runs in a worker. Dask pickles it by its name, so a worker without this package says that it lacks it."""
    return versions()
