"""Google's TPUs, by their device files."""

from __future__ import annotations

import os
from pathlib import Path

from lepton_lab.cluster.devices._base import Accelerator, Found, Reading


class Tpu(Accelerator):
    """All TPU chips of this host, as one device: one process drives them all.

    Parameters
    ----------
    folder
        With the device files: `accel*`, or `vfio/N` where the machine says that it has TPUs.
    """

    kind = "tpu"

    def __init__(self, folder: Path = Path("/dev")) -> None:
        self._folder = folder

    def find(self) -> tuple[Found, ...]:
        type_ = os.environ.get("TPU_ACCELERATOR_TYPE")
        files = [*self._folder.glob("accel[0-9]*")]
        if not files and type_ is not None:
            files = [*self._folder.glob("vfio/[0-9]*")]
        names = sorted(map(str, files))
        detail = f"{len(names)} chip{'' if len(names) == 1 else 's'}: {', '.join(names)}"
        return (Found(",".join(names), f"TPU {type_ or ''}".strip(), 0, detail),) if names else ()

    def environment(self, found: Found | None) -> dict[str, str]:
        """Nothing: no variable hides all chips, and only what asks for TPUs by name takes them."""
        return {}

    def load(self, id: str) -> Reading:
        return Reading()
