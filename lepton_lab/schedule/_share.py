"""Sharing calls out among workers by least load, and what that would come to."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence

import numpy as np

from lepton_lab.schedule._least_load import improved, least_load
from lepton_lab.schedule._problem import Numbers, Problem
from lepton_lab.schedule._seats import Call, Seat
from lepton_lab.schedule._speeds import Speeds
from lepton_lab.types import Placement, Plan

_IMPROVED = 200
"""Calls up to which a plan by least load is made better."""


def share_out(calls: Collection[Call], seats: Sequence[Seat], speeds: Speeds) -> list[list[Call]]:
    """Each worker's calls, in their order; those that no worker can do are left out."""
    seconds = _seconds(calls, seats, speeds)
    able = np.flatnonzero(np.isfinite(seconds).any(axis=1))
    given = list(calls)
    left = [given[i] for i in able]
    ready = np.array([seat.free_after(speeds) for seat in seats])
    problem = _problem(seconds[able] / _threads(seats), ready)
    choice = least_load(problem)
    assert choice is not None  # since nothing has a capacity
    if len(left) <= _IMPROVED:
        choice = improved(problem, choice)
    shares: list[list[Call]] = [[] for _ in seats]
    for call, column in zip(left, choice, strict=True):
        shares[column].append(call)
    return shares


def foresee(calls: Collection[Call], seats: Sequence[Seat], speeds: Speeds) -> Plan | None:
    """When each call would be done as things are declared; None where some call's length isn't, or nobody can do it."""
    if not seats or not calls or any(call.seconds is None for call in calls):
        return None
    seconds = _seconds(calls, seats, speeds)
    if not np.isfinite(seconds).any(axis=1).all():
        return None
    placements = []
    for seat, mine in zip(seats, share_out(calls, seats, speeds), strict=True):
        free = [(0.0, thread) for thread in range(seat.info.threads)]
        for call in mine:
            start, thread = heapq.heappop(free)
            end = start + speeds.seconds(call, seat.info)
            heapq.heappush(free, (end, thread))
            placements.append(Placement(str(call.number), seat.row(thread), start, end, call.is_late(end)))
    placements.sort(key=lambda placement: placement.start)
    nothing = np.zeros(len(seats))
    longest = _problem(seconds, nothing).longest()
    even = _problem(seconds / _threads(seats), nothing).even_share()
    makespan = max(placement.end for placement in placements)
    rows = tuple(seat.row(thread) for seat in seats for thread in range(seat.info.threads))
    return Plan(tuple(placements), rows, makespan, min(max(longest, even), makespan), "least load")


def _seconds(calls: Collection[Call], seats: Sequence[Seat], speeds: Speeds) -> Numbers:
    """(calls, workers): how long each takes, of one thread."""
    seconds = [[speeds.seconds(call, seat.info) for seat in seats] for call in calls]
    return np.array(seconds, float).reshape(len(calls), len(seats))


def _threads(seats: Sequence[Seat]) -> Numbers:
    return np.array([seat.info.threads for seat in seats], float)


def _problem(seconds: Numbers, ready: Numbers) -> Problem:
    """Without capacities."""
    return Problem(seconds, ready, np.zeros(len(seconds)), np.full(len(ready), np.inf))
