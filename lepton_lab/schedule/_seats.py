"""The workers as the dispatcher sees them: what each has been sent, and how long it takes for what."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lepton_lab.types import WorkerInfo

if TYPE_CHECKING:
    from distributed import Future

AHEAD_SECONDS = 0.1
"""How much work a thread is sent ahead, so that it needn't wait for the next call."""
MOST_AHEAD = 16
"""Calls that a thread is sent ahead."""
_REMEMBERED = 20
"""Calls over which the mean of what was measured goes."""


@dataclass(eq=False)
class Call:
    """A call to be made once."""

    number: int
    item: Any
    seconds: Mapping[str, float] | None
    """By kind of device, as its owner thinks; None where nothing is known, and any kind will do."""
    priority: int = 0
    deadline: float | None = None
    """Seconds after the first call."""
    losses: int = 0
    """How many workers were lost while they had it."""

    @property
    def order(self) -> tuple[float, ...]:
        """What goes first: a higher priority, then an earlier deadline, then what is longer.

        What was with a lost worker goes behind its equals: if it is the reason, the others are done before it is found
        out; if it isn't, it is less likely to be there the next time as well.
        """
        longest = -min(self.seconds.values(), default=0.0) if self.seconds else 0.0
        deadline = self.deadline if self.deadline is not None else math.inf
        return (-self.priority, self.losses, deadline, longest, self.number)

    def declared(self, kind: str) -> float:
        """How long it should take on a kind of device; infinite where it can't be done."""
        return 1.0 if self.seconds is None else self.seconds.get(kind, math.inf)


class Speeds:
    """How long calls take by kind of device: as declared, corrected by what was measured."""

    def __init__(self) -> None:
        self._factors: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    def factor(self, kind: str) -> float:
        """How many times as long as declared a call takes."""
        return self._factors.get(kind, 1.0)

    def seconds(self, call: Call, kind: str) -> float:
        """How long a call should take."""
        return call.declared(kind) * self.factor(kind)

    def learn(self, call: Call, kind: str, seconds: float) -> None:
        """Take note of how long one took."""
        declared = call.declared(kind)
        if declared > 0:
            self._counts[kind] = count = self._counts.get(kind, 0) + 1
            before = self.factor(kind)
            self._factors[kind] = before + (seconds / declared - before) / min(count, _REMEMBERED)


@dataclass(eq=False)
class Seat:
    """A worker."""

    info: WorkerInfo
    sent: dict[Future[Any], Call] = field(default_factory=dict)
    """In the order in which they were sent."""
    fetched: dict[Future[Any], Call] = field(default_factory=dict)
    """Those that are done, whose result is on its way."""
    since: float = 0.0
    """When the first of those sent began, as far as is known: when the one before it was done, or when it was sent."""

    @property
    def kind(self) -> str:
        """Of its device."""
        return self.info.device

    def free_after(self, speeds: Speeds) -> float:
        """Seconds from now until it could begin another call."""
        if not self.sent:
            return 0.0
        work = sum(speeds.seconds(call, self.kind) for call in self.sent.values())
        return max(0.0, work / self.info.threads - (time.monotonic() - self.since))

    def has_room(self, speeds: Speeds) -> bool:
        """Whether to send it more now."""
        if self.info.state != "running":
            return False  # paused, since its memory is nearly full
        threads = self.info.threads
        if len(self.sent) < threads:
            return True
        ahead = list(self.sent.values())[threads:]
        work = sum(speeds.seconds(call, self.kind) for call in ahead)
        return len(ahead) < MOST_AHEAD * threads and work < AHEAD_SECONDS * threads
