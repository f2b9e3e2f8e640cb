"""`lab.plan` and `lab.map`: tasks on the cluster's devices, before they are done and as they are done."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lepton_lab.errors import InputError
from lepton_lab.schedule import Call, Dispatcher, make_plan, read_machines, read_tasks
from lepton_lab.types import Machine, Plan, Schedule

if TYPE_CHECKING:
    from lepton_lab.lab._lab import Lab

TASK = "map"


def map_items(
    lab: Lab,
    function: Callable[[Any], Any],
    items: Iterable[Any],
    seconds: Mapping[str, float] | Callable[[Any], Mapping[str, float]] | None,
    priority: int | Callable[[Any], int],
    deadline: float | Callable[[Any], float] | None,
) -> list[Any]:
    """See `Lab.map`."""
    if not callable(function):
        raise InputError(f"function is {function!r:.80}: give a function of one item.")
    calls = [
        Call(number, item, _checked(number, _of(seconds, item)), _of(priority, item), _of(deadline, item))
        for number, item in enumerate(items)
    ]
    handle = lab.cluster.handle
    dispatcher = Dispatcher(handle.client, handle.workers, function, calls, lab.events.publish, TASK)
    lab.last_map = dispatcher
    return dispatcher.run()


def schedule(lab: Lab) -> Schedule:
    """See `Lab.schedule`."""
    if lab.last_map is None:
        raise InputError("No lab.map has run yet: call lab.map(function, items) first.")
    return lab.last_map.schedule()


def plan(lab: Lab, tasks: object, machines: object, limit: float) -> Plan:
    """See `Lab.plan`."""
    wanted = read_tasks(tasks)
    return make_plan(wanted, _machines(lab) if machines is None else read_machines(machines), limit)


def _machines(lab: Lab) -> list[Machine]:
    """One for each thread of each worker."""
    workers = lab.cluster.handle.workers()
    names = [(w, w.name if w.threads == 1 else f"{w.name}/{n}") for w in workers for n in range(w.threads)]
    return [Machine(name, worker.device) for worker, name in names]


def _of(given: Any, item: Any) -> Any:
    return given(item) if callable(given) else given


def _checked(number: int, seconds: Any) -> Mapping[str, float] | None:
    if seconds is None:
        return None
    is_usable = isinstance(seconds, Mapping) and seconds
    if not is_usable or not all(isinstance(each, int | float) and 0 <= each < math.inf for each in seconds.values()):
        raise InputError(
            f"seconds of item {number} are {seconds!r:.80}: give them by kind of device, such as "
            "{'cpu': 4.0, 'gpu': 0.5}."
        )
    return dict(seconds)
