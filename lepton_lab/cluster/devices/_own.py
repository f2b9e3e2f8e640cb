"""The device that a worker was given as its own: its CPU alone, or an accelerator besides."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, field
from typing import Any

from lepton_lab.cluster.devices._base import Found, Reading
from lepton_lab.cluster.devices._members import make

VARIABLE = "LEPTON_LAB_DEVICE"
"""Environment variable by which a worker knows its own device."""


@dataclass(frozen=True)
class OwnDevice:
    """What one worker computes on, and how it is made to see nothing else."""

    kind: str = "cpu"
    source: str = ""
    """The member of the family that found it, as `package.module:Class`; empty for the CPU."""
    found: Found | None = None
    """None for the CPU."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that the worker is started with."""

    @property
    def resources(self) -> dict[str, int]:
        """What Dask's tasks may ask for: the kind in capitals, one of it."""
        return {} if self.found is None else {self.kind.upper(): 1}

    @property
    def variables(self) -> dict[str, str]:
        """The environment, with what tells the worker about its device."""
        found = None if self.found is None else asdict(self.found)
        return {**self.environment, VARIABLE: json.dumps({"kind": self.kind, "source": self.source, "found": found})}

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> OwnDevice:
        """From what `dataclasses.asdict` made of it."""
        found = values["found"]
        return cls(**{**values, "found": None if found is None else Found(**found)})

    @classmethod
    def told(cls, environment: Mapping[str, str]) -> OwnDevice | None:
        """This worker's, by its environment; None for a worker that somebody else started."""
        text = environment.get(VARIABLE)
        return cls.from_plain(json.loads(text)) if text else None

    def read(self) -> Reading:
        """Its load now, in plain floats. Raises what its member raises; a CPU tells nothing here."""
        if self.found is None:
            return Reading()
        reading = make(self.source).load(self.found.id)
        return Reading(*(None if value is None else float(value) for value in astuple(reading)))
