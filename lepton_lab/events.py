"""What happens in the core, told to whoever listens: the only road from the core to the user interface.

A stage is given a `Report`, a callable that takes one event. The lab hands in `Bus.publish`; a process of its own
hands in something that sends the event to the lab. Panels, widgets, progress bars and the JupyterLab extension
subscribe to the bus; nothing in the core knows them.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

log = logging.getLogger(__name__)
E = TypeVar("E", bound="Event")


@dataclass(frozen=True)
class Event:
    """Something that happened."""

    time: float = field(default_factory=time.time, kw_only=True)
    """Seconds since the epoch."""


@dataclass(frozen=True)
class Progress(Event):
    """A step of long work that is not a training run: a cluster that starts, a model that is converted."""

    task: str
    """What goes on, as its verb's line names it: `"cluster up"`, `"compress cnn prune"`."""
    message: str
    """What is being done now, for a person."""
    fraction: float | None = None
    """Share done, 0 to 1; None where it can't be known."""


@dataclass(frozen=True)
class ClusterChanged(Event):
    """The cluster came, went, or has another number of workers."""

    name: str
    state: str
    """One of `"starting"`, `"running"`, `"down"`."""
    num_workers: int = 0
    message: str = ""
    """Which workers came and went since the last time, and why: `"w1 was lost: it was killed by SIGKILL"`."""


@dataclass(frozen=True)
class AcceleratorLoad:
    """The load of a GPU, or of another device besides the CPU, at one moment; None for what it can't tell."""

    kind: str
    """`gpu`, `tpu` or a plug-in's."""
    name: str
    utilization: float | None = None
    """Percent."""
    memory: float | None = None
    """Bytes in use."""
    memory_total: int = 0
    """Bytes; 0 where that isn't known."""
    power: float | None = None
    """Watts."""
    temperature: float | None = None
    """Degrees Celsius."""


@dataclass(frozen=True)
class WorkerLoad(Event):
    """The load of one worker and of the training processes under it, about once a second."""

    worker: str
    """The worker's name in the cluster, such as `"w0"`."""
    cpu_percent: float
    """Of one core: 200.0 is two cores busy."""
    memory: int
    """Bytes resident (proportional share where the system tells it)."""
    memory_limit: int
    """Bytes; 0 means without limit."""
    read_bps: float = 0.0
    """Network, bytes received per second on the worker's host."""
    write_bps: float = 0.0
    """Network, bytes sent per second on the worker's host."""
    accelerators: tuple[AcceleratorLoad, ...] = ()
    disk_read_bps: float = 0.0
    """Bytes that the worker and its training processes read from disks per second; 0 where the system doesn't tell."""
    disk_write_bps: float = 0.0
    """Bytes that they wrote to disks per second."""
    tasks: Mapping[str, int] = field(default_factory=dict)
    """How many of Dask's tasks the worker has in each state that it has any in, by Dask's names: `"executing"`,
    `"ready"`, `"waiting"`, `"memory"`."""


@dataclass(frozen=True)
class RunChanged(Event):
    """A training run has another state."""

    run: str
    state: str
    """One of `types.RUN_STATES`."""
    message: str = ""


@dataclass(frozen=True)
class RunProgress(Event):
    """Where a training run stands, about five times a second."""

    run: str
    epoch: int
    """The epoch under way, counted from 1."""
    epochs: int
    step: int
    """Steps done in this epoch."""
    steps: int
    """Steps in an epoch."""
    loss: float
    """Mean over this epoch's examples so far."""
    metrics: Mapping[str, float]
    """Means over this epoch's examples so far, by Keras's names: `"accuracy"`."""
    rates: Mapping[str, float]
    """Examples per second, by worker name; of those that have reported."""
    remaining: float | None
    """Seconds left; None before that can be told."""
    memory: Mapping[str, int] = field(default_factory=dict)
    """Bytes of each training process, by worker name; what it shares with the fork server counts, mapped rows don't."""
    learning_rate: float | None = None
    """Of the last step; None where it can't be told."""
    elapsed: float = 0.0
    """Seconds since the run began, the breaks of a resumed one left out."""


@dataclass(frozen=True)
class RunNote(Event):
    """Something about a training run that is worth a word: a restart, a straggler, a checkpoint that was damaged."""

    run: str
    message: str


@dataclass(frozen=True)
class EpochEnded(Event):
    """A training run finished an epoch."""

    run: str
    epoch: int
    """Counted from 1."""
    logs: Mapping[str, float]
    """As Keras's `History` has them: `"loss"`, `"accuracy"`, `"val_loss"`; besides `"seconds"` and `"examples"`."""


@dataclass(frozen=True)
class MapChanged(Event):
    """A `lab.map` began, went on (told at most about three times a second) or ended.

    `lab.schedule()` says what it planned and what happened.
    """

    state: str
    """One of `"running"`, `"done"`, `"failed"`, `"cancelled"`."""
    done: int
    """Calls whose results are there."""
    total: int
    redone: int = 0
    """Calls that were begun again because their worker was lost."""


@dataclass(frozen=True)
class NamesChanged(Event):
    """The lab's names changed: something was made, replaced or dropped."""

    kind: str
    """`"data set"`, `"shard set"`, `"model"`, `"run"`, `"export"`, or `"cluster"` for one of other kernels."""
    name: str


@dataclass(frozen=True)
class LineOffered(Event):
    """A widget or panel offers a line to be written into the notebook, as a cell of its own that is not run by that."""

    line: str
    """A `%lepton` line, or a whole `%%lepton` cell."""
    result: Mapping[str, str] | None = None
    """What it gave, by MIME type, where it has been run already; the cell shows that."""


Report = Callable[[Event], None]
"""What a stage tells its progress to."""


def ignore(event: Event) -> None:
    """A `Report` for callers whom progress doesn't interest."""


class Bus:
    """Hands each event to all who subscribed to its type, and remembers the latest of each type.

    Safe to use from several threads. A subscriber runs on the publisher's thread and must be quick; if it raises,
    that is logged and the others still hear the event.

    Parameters
    ----------
    history
        How many events of each type `recent` remembers.
    """

    def __init__(self, history: int = 4096) -> None:
        self._lock = threading.Lock()
        self._subscribers: dict[int, tuple[Callable[[Event], None], tuple[type[Event], ...]]] = {}
        self._recent: dict[type[Event], deque[Event]] = {}
        self._history = history
        self._next = 0

    def subscribe(self, callback: Callable[[Event], None], *types: type[Event]) -> Callable[[], None]:
        """Call `callback` with every event of these types (all, without types); returns what ends that."""
        with self._lock:
            key, self._next = self._next, self._next + 1
            self._subscribers[key] = (callback, types or (Event,))

        def unsubscribe() -> None:
            with self._lock:
                self._subscribers.pop(key, None)

        return unsubscribe

    def publish(self, event: Event) -> None:
        """Hand `event` to its subscribers."""
        with self._lock:
            self._recent.setdefault(type(event), deque(maxlen=self._history)).append(event)
            callbacks = [callback for callback, types in self._subscribers.values() if isinstance(event, types)]
        for callback in callbacks:
            try:
                callback(event)
            except Exception:
                log.exception("a subscriber failed on %s", type(event).__name__)

    def is_heard(self, kind: type[Event]) -> bool:
        """Whether anybody subscribes to events of this type."""
        with self._lock:
            return any(issubclass(kind, types) for _, types in self._subscribers.values())

    def recent(self, kind: type[E]) -> list[E]:
        """The events of exactly this type that are still remembered, oldest first."""
        with self._lock:
            return [event for event in self._recent.get(kind, ()) if isinstance(event, kind)]
