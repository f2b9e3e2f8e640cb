"""What a member of the family of accelerators is.

NVIDIA's and AMD's GPUs and Google's TPUs are members; a package of its own adds another by an entry point in the group
`lepton_lab.devices`. Its name is the kind, in lower case, and it points to a class that needs no arguments::

    # pyproject.toml of the package
    [project.entry-points."lepton_lab.devices"]
    fpga = "my_fpga:Fpga"

    # my_fpga.py
    from pathlib import Path

    from lepton_lab.cluster.devices import Accelerator, Found, Reading

    class Fpga(Accelerator):
        kind = "fpga"

        def find(self):
            boards = sorted(Path("/dev").glob("fpga[0-9]*"))
            return tuple(Found(str(board), "My FPGA", memory=4 * 10**9) for board in boards)

        def environment(self, found):
            return {"MY_FPGA": found.id if found else ""}

        def load(self, id):
            degrees = Path("/sys/class/fpga", Path(id).name, "temperature").read_text()
            return Reading(temperature=float(degrees))

Then `%lepton cluster up --device fpga` starts one worker for each, and a task asks for one by
`client.submit(f, resources={"FPGA": 1})`. The package is imported when a cluster with devices of its kind is started or
grows, and in the workers that have one; never before. Where it raises, a line in the log names it, and it is left out.
Several packages may offer the same kind, `gpu` too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Found:
    """A device of this machine, which one worker can be given."""

    id: str
    """By which its maker's library and variables know it, the same in every process."""
    name: str
    """The maker's: `"NVIDIA H200"`."""
    memory: int = 0
    """Bytes of its own; 0 where that isn't known."""
    detail: str = ""
    """Driver and the like, for a person."""


@dataclass(frozen=True)
class Reading:
    """The load of a device at one moment; None for what it can't tell."""

    utilization: float | None = None
    """Percent busy."""
    memory: float | None = None
    """Bytes in use."""
    power: float | None = None
    """Watts."""
    temperature: float | None = None
    """Degrees Celsius."""


class Accelerator(ABC):
    """A maker's devices of one kind."""

    kind: ClassVar[str]
    """As `--device` names it: `"gpu"`. In capitals it is Dask's resource."""

    @abstractmethod
    def find(self) -> tuple[Found, ...]:
        """The devices that this process may use; none where there are none, or no driver."""

    @abstractmethod
    def environment(self, found: Found | None) -> Mapping[str, str]:
        """The environment variables under which a process sees this device and no other of this maker; none by None."""

    @abstractmethod
    def load(self, id: str) -> Reading:
        """The load of the device with this id, in a few milliseconds: asked every second in its worker's event loop."""
