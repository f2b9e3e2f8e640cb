"""`lab.plan` and `lab.map`: tasks on the cluster's devices, before they are done and as they are done."""

from __future__ import annotations

import math
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
        raise InputError(f"function is {function!r:.80}: give a function of one item.")
    handle = lab.cluster.handle
    given = _read_items(items)
    held = find_data(handle.client, given) | _find_shards(handle, given)
    calls = [
        Call(
            number,
            item,
            _seconds(number, _of(seconds, item)),
            _of(priority, item),
            _of(deadline, item),
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
    if hasattr(items, "columns") and hasattr(items, "itertuples"):
        raise InputError("items is a table: give its rows, such as list(table.itertuples()), or one of its columns.")
    try:
        given = iter(items)  # type: ignore[call-overload]  # what isn't iterable is refused
    except TypeError:
        raise InputError(f"items is {items!r:.80}, which can't be gone through: give a list of items.") from None
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
    is_usable = isinstance(seconds, Mapping) and seconds
    if not is_usable or not all(isinstance(each, int | float) and 0 <= each < math.inf for each in seconds.values()):
        raise InputError(
            f"seconds of item {number} are {seconds!r:.80}: give them by kind of device, such as "
            "{'cpu': 4.0, 'gpu': 0.5}."
        )
    return dict(seconds)


def _demand(number: int, demand: Any) -> float:
    if not isinstance(demand, int | float) or not 0 <= demand < math.inf:
        raise InputError(f"demand of item {number} is {demand!r:.80}: give bytes of memory, such as 2e9.")
    return float(demand)


def _check_memory(calls: Iterable[Call], workers: Sequence[WorkerInfo]) -> None:
    """Refuse what no worker has the memory for; that none has its kind of device is the dispatcher's to say."""
    for call in calls if any(worker.memory_limit for worker in workers) else ():
        limits = [worker.memory_limit or math.inf for worker in workers if call.declared(worker.device) < math.inf]
        if limits and call.demand > max(limits):
            raise InputError(
                f"Item {call.number} asks for {size(call.demand)} of memory, but the largest worker for it has "
                f"{size(max(limits))}: start larger ones (%lepton cluster up --memory), or cut the item up."
            )
