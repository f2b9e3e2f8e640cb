"""`lab.plan` and `lab.map`: tasks on the cluster's devices, before they are done and as they are done."""

from __future__ import annotations

import math
import numbers
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import psutil

from lepton_lab.data import locate
from lepton_lab.display import size
from lepton_lab.errors import InputError
from lepton_lab.schedule import (
    Call,
    Data,
    Dispatcher,
    bytes_per_second,
    find_data,
    make_plan,
    read_machines,
    read_tasks,
)
from lepton_lab.types import Machine, Plan, Schedule, Shard, WorkerInfo

if TYPE_CHECKING:
    from lepton_lab.cluster import Handle
    from lepton_lab.lab._lab import Lab

TASK = "map"
MOST_ITEMS = 1_000_000
"""Items of a map; a call costs about a millisecond, so more of them should be put together."""

_ROWS = ("itertuples", "iter_rows", "to_pylist")
"""How tables of pandas, Polars and Arrow give their rows; to go through one gives its columns."""


def map_items(
    lab: Lab,
    function: Callable[[Any], Any],
    items: Iterable[Any],
    seconds: Mapping[str, float] | Callable[[Any], Mapping[str, float]] | None,
    priority: int | Callable[[Any], int],
    deadline: float | Callable[[Any], float] | None,
    demand: float | Callable[[Any], float],
) -> list[Any]:
    """See `Lab.map`."""
    if not callable(function):
        raise InputError(f"function is {_shown(function)}: give a function of one item.")
    handle = lab.cluster.handle
    given = _read_items(items)
    held = find_data(handle.client, given) | _find_shards(handle, given)
    calls = [
        Call(
            number,
            item,
            _seconds(number, _of(seconds, item)),
            _priority(number, _of(priority, item)),
            _deadline(number, _of(deadline, item)),
            _demand(number, _of(demand, item)),
            held.get(number),
        )
        for number, item in enumerate(given)
    ]
    _check_memory(calls, handle.workers())
    speed = bytes_per_second(handle.client) if held else math.inf
    dispatcher = Dispatcher(handle.client, handle.workers, function, calls, lab.events.publish, TASK, speed)
    lab.last_map = dispatcher.log
    with lab.cluster.needing(dispatcher.num_wanted):
        return dispatcher.run()


def _read_items(items: object) -> list[Any]:
    """All items; refuses what goes through something else than its author thinks, and what seems to have no end."""
    kind = type(items).__name__
    if isinstance(items, str | bytes | bytearray):
        raise InputError(f"items is {items!r:.80}, a single {kind}: give a list of items, such as [{items!r:.20}].")
    if isinstance(items, Mapping):
        raise InputError(f"items is a {kind}: give list(items.items()) for pairs, or list(items.values()).")
    rows = next((way for way in _ROWS if hasattr(items, "columns") and hasattr(items, way)), None)
    if rows:
        raise InputError(f"items is a table: give its rows, such as list(table.{rows}()), or one of its columns.")
    try:
        given = iter(items)  # type: ignore[call-overload]  # what isn't iterable is refused
    except TypeError:
        raise InputError(f"items is {_shown(items)}, which can't be gone through: give a list of items.") from None
    read: list[Any] = []
    free = psutil.virtual_memory().available
    for item in given:
        read.append(item)
        free -= sys.getsizeof(item)
        if len(read) > MOST_ITEMS or free < 0:
            raise InputError(
                f"items gave {len(read):,} and has more{'' if free > 0 else ', which is more than fits into memory'}: "
                f"does it end? Give at most {MOST_ITEMS:,}, such as parts of a long list."
            )
    return read


def _find_shards(handle: Handle, given: Sequence[Any]) -> dict[int, Data]:
    """What lies where of the items that are shards; nothing of those that all workers have, or none."""
    parts = {item for item in given if isinstance(item, Shard)}
    if not parts:
        return {}
    workers = handle.workers()
    places = locate(parts, handle.client, workers)
    known = {part: Data(part.num_bytes, at) for part, at in places.items() if 0 < len(at) < len(workers)}
    return {number: known[item] for number, item in enumerate(given) if isinstance(item, Shard) and item in known}


def schedule(lab: Lab) -> Schedule:
    """See `Lab.schedule`."""
    if lab.last_map is None:
        raise InputError("No lab.map has run yet: call lab.map(function, items) first.")
    return lab.last_map.schedule()


def plan(lab: Lab, tasks: object, machines: object, limit: float) -> Plan:
    """See `Lab.plan`."""
    wanted = read_tasks(tasks)
    there = _machines(lab) if machines is None else read_machines(machines)
    return make_plan(wanted, there, limit, lab.events.publish)


def _machines(lab: Lab) -> list[Machine]:
    """One for each thread of each worker."""
    workers = lab.cluster.handle.workers()
    names = [(w, w.name if w.threads == 1 else f"{w.name}/{n}") for w in workers for n in range(w.threads)]
    return [Machine(name, worker.device) for worker, name in names]


def _of(given: Any, item: Any) -> Any:
    return given(item) if callable(given) else given


def _seconds(number: int, seconds: Any) -> Mapping[str, float] | None:
    if seconds is None:
        return None
    is_usable = isinstance(seconds, Mapping) and seconds and all(isinstance(kind, str) for kind in seconds)
    if not is_usable or not all(_is_number(each) and 0 <= each < math.inf for each in seconds.values()):
        raise InputError(
            f"seconds of item {number} are {_shown(seconds)}: give them by kind of device, such as "
            "{'cpu': 4.0, 'gpu': 0.5}."
        )
    return {kind: float(each) for kind, each in seconds.items()}


def _priority(number: int, priority: Any) -> float:
    if not _is_number(priority):
        raise InputError(f"priority of item {number} is {_shown(priority)}: give a number; higher ones go first.")
    return int(priority) if isinstance(priority, numbers.Integral) else float(priority)


def _deadline(number: int, deadline: Any) -> float | None:
    if deadline is None:
        return None
    if not _is_number(deadline):
        raise InputError(f"deadline of item {number} is {_shown(deadline)}: give seconds from now, such as 60.")
    return float(deadline)


def _demand(number: int, demand: Any) -> float:
    if not _is_number(demand) or not 0 <= demand < math.inf:
        raise InputError(f"demand of item {number} is {_shown(demand)}: give bytes of memory, such as 2e9.")
    return float(demand)


def _is_number(value: Any) -> bool:
    """Whether something is a number of Python or NumPy; NaN is none."""
    return isinstance(value, numbers.Real) and value == value  # false of NaN


def _shown(value: object) -> str:
    """A value in one line of bounded length, also where it can't be made text."""
    try:
        return " ".join(repr(value).split())[:80]
    except Exception:  # whatever its class does
        return f"a {type(value).__name__}"


def _check_memory(calls: Iterable[Call], workers: Sequence[WorkerInfo]) -> None:
    """Refuse what no worker has the memory for; that none has its kind of device is the dispatcher's to say."""
    for call in calls if any(worker.memory_limit for worker in workers) else ():
        limits = [worker.memory_limit or math.inf for worker in workers if call.declared(worker.device) < math.inf]
        if limits and call.demand > max(limits):
            raise InputError(
                f"Item {call.number} asks for {size(call.demand)} of memory, but the largest worker for it has "
                f"{size(max(limits))}: start larger ones (%lepton cluster up --memory), or cut the item up."
            )
