"""The calls, and the workers as the dispatcher sees them: what each has been sent, and what it has done."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lepton_lab.gantt import Span
from lepton_lab.schedule._carry import Ran
from lepton_lab.schedule._speeds import Speeds
from lepton_lab.types import WorkerInfo, WorkerShare

if TYPE_CHECKING:
    from distributed import Future

AHEAD_SECONDS = 0.1
"""How much work a thread is sent ahead, so that it needn't wait for the next call."""
MOST_AHEAD = 16
"""Calls that a thread is sent ahead."""
MOST_LOSSES = 3
"""How many workers may be lost with the same call before it is thought to be the reason."""


@dataclass(eq=False)
class Data:
    """A call's item that lies on workers already."""

    num_bytes: int
    at: set[str]
    """Addresses of the workers that hold it."""


@dataclass(eq=False)
class Call:
    """A call to be made once."""

    number: int
    item: Any
    seconds: Mapping[str, float] | None
    """By kind of device, as its owner thinks; None where nothing is known, and any kind will do."""
    priority: float = 0
    deadline: float | None = None
    """Seconds after the first call."""
    demand: float = 0.0
    """Bytes of its worker's memory that it needs."""
    data: Data | None = None
    """Of an item that is a Dask future, or stands for data that not every worker has."""
    sent: float = 0.0
    """When it was last given to a worker, in seconds after the map began."""
    lost_with: list[str] = field(default_factory=list)
    """Names of the workers that were lost while they had it."""
    times_lost: int = 0
    """How often its result was lost on the way here."""

    @property
    def order(self) -> tuple[float, ...]:
        """What goes first: a higher priority, then an earlier deadline, then what is longer.

        What was with a lost worker goes behind its equals: if it is the reason, the others are done before it is found
        out; if it isn't, it is less likely to be there the next time as well.
        """
        longest = -min(self.seconds.values(), default=0.0) if self.seconds else 0.0
        deadline = self.deadline if self.deadline is not None else math.inf
        return (-self.priority, len(self.lost_with), deadline, longest, self.number)

    @property
    def is_suspect(self) -> bool:
        """Whether the next worker that is lost with it makes it the reason; so it is that worker's only call."""
        return len(self.lost_with) >= MOST_LOSSES - 1

    def declared(self, kind: str) -> float:
        """How long it should take on a kind of device; infinite where it can't be done."""
        return 1.0 if self.seconds is None else self.seconds.get(kind, math.inf)

    def is_late(self, end: float) -> bool:
        """Whether it would be late if it were done then."""
        return self.deadline is not None and end > self.deadline


@dataclass(eq=False)
class Seat:
    """A worker."""

    info: WorkerInfo
    joined: float = 0.0
    """Seconds after the map began."""
    left: float | None = None
    function: Future[Any] | None = None
    """What the map calls, there; None before its first call."""
    sent: dict[Future[Any], Call] = field(default_factory=dict)
    """In the order in which they were sent."""
    fetched: dict[Future[Any], tuple[Call, float]] = field(default_factory=dict)
    """Those that are done, whose result is on its way; with when that was heard."""
    since: float = 0.0
    """When the first of those sent began, as far as is known: when the one before it was done, or when it was sent."""
    is_told: bool = False
    """Whether it was said that it is in a call of another map."""
    calls: int = 0
    """That it has done."""
    busy: float = 0.0
    """Seconds that these took, of all threads together."""
    lag: float = math.inf
    """From the worker's clock to ours: the least that was seen between the end of a call there and hearing of it."""
    threads: dict[int, int] = field(default_factory=dict)
    """Number of each of its threads, by what the worker calls it."""

    @property
    def kind(self) -> str:
        """Of its device."""
        return self.info.device

    def row(self, thread: int) -> str:
        """What one of its threads is called."""
        return self.info.name if self.info.threads == 1 else f"{self.info.name}/{thread % self.info.threads}"

    def free_after(self, speeds: Speeds) -> float:
        """Seconds from now until it could begin another call."""
        if not self.sent:
            return 0.0
        work = sum(speeds.seconds(call, self.info) for call in self.sent.values())
        return max(0.0, work / self.info.threads - (time.monotonic() - self.since))

    def has_room(self, speeds: Speeds) -> bool:
        """Whether to send it more now."""
        if self.info.state != "running":
            return False  # paused, since its memory is nearly full
        if any(call.is_suspect for call in self.sent.values()):
            return False
        threads = self.info.threads
        if len(self.sent) < threads:
            return True
        ahead = list(self.sent.values())[threads:]
        work = sum(speeds.seconds(call, self.info) for call in ahead)
        return len(ahead) < MOST_AHEAD * threads and work < AHEAD_SECONDS * threads

    def has_room_for(self, call: Call) -> bool:
        """Whether it could begin this call beside all that it was sent."""
        if call.is_suspect and self.sent:
            return False
        if not call.demand or not self.info.memory_limit:
            return True
        return call.demand + sum(sent.demand for sent in self.sent.values()) <= self.info.memory_limit

    def note(self, call: Call, ran: Ran, heard: float) -> Span:
        """Count a call that is done; returns when it was done, by the worker's clock.

        Parameters
        ----------
        heard
            When it was heard of, in seconds after the map began.
        """
        self.lag = min(self.lag, heard - ran.ended)
        thread = self.threads.setdefault(ran.thread, len(self.threads))
        self.calls, self.busy = self.calls + 1, self.busy + ran.ended - ran.began
        return Span(self.row(thread), ran.began, ran.ended, str(call.number), call.is_late(ran.ended + self.lag))

    def share(self, now: float) -> WorkerShare:
        """What it did until now."""
        until = now if self.left is None else self.left
        present = max(until - self.joined, 0.0) * self.info.threads
        return WorkerShare(
            self.info.name, self.kind, self.info.threads, self.calls, self.busy, present, self.left is not None
        )
