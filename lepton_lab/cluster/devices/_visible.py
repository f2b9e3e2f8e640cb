"""Which devices a variable such as `CUDA_VISIBLE_DEVICES` leaves."""

from __future__ import annotations

from lepton_lab.cluster.devices._base import Found


def visible(found: tuple[Found, ...], variable: str | None) -> tuple[Found, ...]:
    """Those that the variable names, by number or by (the beginning of) the id; all where it isn't set."""
    if variable is None:
        return found
    chosen: list[Found] = []
    for entry in (part.strip() for part in variable.split(",")):
        if entry.isdigit():
            match = list(found[int(entry) : int(entry) + 1])
        else:
            match = [one for one in found if entry and one.id.startswith(entry)]
        if not match:
            break  # as CUDA does: the list ends at the first that isn't there
        chosen.append(match[0])
    return tuple(chosen)
