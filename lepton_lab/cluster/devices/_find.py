"""Which devices of a kind a cluster's workers can be given here."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from lepton_lab.cluster.devices._base import Accelerator, Found
from lepton_lab.cluster.devices._members import BUILT_IN, make, members
from lepton_lab.cluster.devices._own import OwnDevice

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Inventory:
    """What there is for the workers of one cluster."""

    accelerators: tuple[OwnDevice, ...]
    cpu: OwnDevice
    """For a worker that sees none of the accelerators."""
    problems: tuple[str, ...] = ()
    """A line for each member that raised and was left out."""


def find(kind: str) -> Inventory:
    """The devices of this kind; `cpu` finds none.

    A worker with one of them sees no other one, nor what the built-in members know of. Plug-ins of other kinds aren't
    loaded, so their devices aren't hidden.
    """
    found: list[tuple[str, Found, dict[str, str]]] = []
    hidden: dict[str, str] = {}
    problems = []
    wanted = [source for name, source in members() if name == kind]
    for source in dict.fromkeys((*(source for _, source in BUILT_IN), *wanted)):
        try:
            member = make(source)
            nothing = _variables(member, None)
            if source in wanted:
                found += [(source, one, _variables(member, one)) for one in _found_by(member, kind)]
            hidden |= nothing
        except (Exception, SystemExit) as error:  # whatever another's code raises must not keep a cluster from starting
            problems.append(f"{source}, which finds devices, is left out: {type(error).__name__}: {error}")
            log.warning("%s", problems[-1])
    return Inventory(
        tuple(OwnDevice(kind, source, one, {**hidden, **own}) for source, one, own in found),
        OwnDevice(environment=hidden),
        tuple(problems),
    )


def _found_by(member: Accelerator, kind: str) -> tuple[Found, ...]:
    if member.kind != kind:
        raise ValueError(f"its class says kind={member.kind!r}, its entry point {kind!r}")
    found = tuple(member.find())
    for one in found:
        if not isinstance(one, Found):
            raise TypeError(f"find() gave {type(one).__name__} instead of lepton_lab.cluster.devices.Found")
    return found


def _variables(member: Accelerator, found: Found | None) -> dict[str, str]:
    return {str(name): str(value) for name, value in member.environment(found).items()}
