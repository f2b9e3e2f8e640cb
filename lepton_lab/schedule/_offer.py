"""Whether the cluster has what the calls need."""

from __future__ import annotations

import time
from collections.abc import Collection

from lepton_lab.display import size
from lepton_lab.errors import InputError
from lepton_lab.schedule._seats import Call, Seat

OFFER_SECONDS = 1.0
"""How long no worker may offer what a call needs: one that died may just be coming back."""
NOBODY_SECONDS = 10.0
"""How long there may be no worker at all."""


class Offer:
    """Has patience for a while with a cluster that lacks something."""

    def __init__(self) -> None:
        self._since = 0.0

    @property
    def is_lacking(self) -> bool:
        """Whether something was lacking when this was last checked."""
        return bool(self._since)

    def check(self, lacking: Call | None, seats: Collection[Seat]) -> None:
        """Note a call that none of the workers can do, or that there is none.

        Raises
        ------
        InputError
            If that has been so for too long.
        """
        if lacking is None:
            self._since = 0.0
            return
        self._since = self._since or time.monotonic()
        if time.monotonic() - self._since > (OFFER_SECONDS if seats else NOBODY_SECONDS):
            names = ", ".join(f"{seat.info.name} ({seat.kind})" for seat in seats)
            needs = " or ".join(lacking.seconds) if lacking.seconds is not None else "a worker"
            needs += f" with {size(lacking.demand)} of memory" if lacking.demand else ""
            raise InputError(
                f"Item {lacking.number} needs {needs}, but the cluster has {names or 'no worker'}: start what is "
                "missing (%lepton cluster up --device), or say how long the item takes on what is there."
            )
