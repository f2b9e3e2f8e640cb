"""What another package would bring: two FPGAs, and members of the family that fail in the ways that there are."""

from __future__ import annotations

import os

from lepton_lab.cluster.devices import Accelerator, Found, Reading


class Fpga(Accelerator):
    """Two boards, of which a process sees the one that `FAKE_FPGA` names, or both."""

    kind = "fpga"

    def find(self) -> tuple[Found, ...]:
        boards = tuple(Found(f"fpga{i}", "Fake FPGA", 8 * 10**9, f"board {i}") for i in range(2))
        return tuple(board for board in boards if os.environ.get("FAKE_FPGA", board.id) == board.id)

    def environment(self, found: Found | None) -> dict[str, str]:
        return {"FAKE_FPGA": found.id if found else ""}

    def load(self, id: str) -> Reading:
        return Reading(utilization=float(id[-1]) + 12, memory=2 * 10**9, power=31.5, temperature=44)


class Broken(Fpga):
    """Raises when it looks for devices."""

    def find(self) -> tuple[Found, ...]:
        raise RuntimeError("the driver is from another planet")


class Mute(Fpga):
    """Finds its boards, and raises when it is asked for their load."""

    def load(self, id: str) -> Reading:
        raise OSError("no sensor")


class Wrong(Fpga):
    """Gives something else than devices."""

    def find(self) -> tuple[Found, ...]:
        return ("fpga0",)  # type: ignore[return-value]  # that's what is wrong


class Misnamed(Fpga):
    """Says another kind than its entry point."""

    kind = "npu"


class Stranger:
    """No member of the family."""
