"""What the benchmarks put into a run's processes, to see or to spoil what goes on there: named in the run's order.

`watch` and `spoil` take the place of what opens the shards in a rank, `attach` that of what connects the controller.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Container
from dataclasses import replace
from pathlib import Path
from typing import Any

from lepton_lab.lab import Lab
from lepton_lab.types import ShardSet

FAILING_STEP = 40
"""At which of its batches a spoilt rank fails."""


def change_orders(lab: Lab, rows: str | None = None, attach: str | None = None) -> None:
    """Have the runs that this lab starts from now on open their shards, or attach to the cluster, by others."""
    launch = type(lab.run).launch

    def changed(order: Any) -> Any:
        job = replace(order.job, open_rows=rows) if rows else order.job
        return launch(lab.run, replace(order, job=job, attach=attach or order.attach))

    lab.run.launch = changed  # type: ignore[method-assign]


# in a rank


def watch(shards: ShardSet, verify: Container[int] | None = None) -> Any:
    """Open the shards; and have the rank write down at its end what its agreements and reports took.

    Every other agreement is kept out of the call of TensorFlow that it belongs to and made by one of no steps after it,
    so that the two kinds of calls can be compared.
    """
    from lepton_lab.data import open_rows
    from lepton_lab.train._loop import Loop
    from lepton_lab.train._session import Session

    took: dict[str, list[float]] = {"with": [], "without": [], "handling": []}
    learn, agree, train = Session.learn, Loop._agree, Loop.train
    calls = 0

    def timed_learn(self: Any, iterator: Any, count: int, wishes: Any, fresh: Any, agrees: bool) -> Any:
        nonlocal calls
        calls += 1
        if not agrees or calls < 10:  # the first ones trace
            return learn(self, iterator, count, wishes, fresh, agrees)
        is_apart = calls % 2 == 0
        began = time.perf_counter()
        sums, agreed = learn(self, iterator, count, wishes, fresh, agrees=not is_apart)
        if count > 10:
            took["without" if is_apart else "with"].append((time.perf_counter() - began) / count)
        if is_apart:
            _, agreed = learn(self, iterator, 0, wishes, fresh + sums[:-1], agrees=True)
        return sums, agreed

    def timed_agree(self: Any, *arguments: Any) -> None:
        began, steps = time.perf_counter(), self._steps
        agree(self, *arguments)
        took["handling"].append((time.perf_counter() - began) / steps)

    def whole(self: Any) -> bool:
        try:
            return train(self)
        finally:
            (self.job.folder / f"probe-{self.seat.rank}.json").write_text(json.dumps(took))

    Session.learn, Loop._agree, Loop.train = timed_learn, timed_agree, whole  # type: ignore[method-assign]
    return open_rows(shards, verify=verify)


def spoil(shards: ShardSet, verify: Container[int] | None = None) -> Any:
    """Open the shards; the last rank's rows raise an exception after a while, and the time of that is written down."""
    from lepton_lab.data import open_rows

    rows = open_rows(shards, verify=verify)
    task = json.loads(os.environ["TF_CONFIG"])
    if task["task"]["index"] == len(task["cluster"]["worker"]) - 1:
        honest, batches = rows.take, 0

        def take(indices: Any) -> Any:
            nonlocal batches
            batches += 1
            if batches == FAILING_STEP:
                Path(os.environ["TMPDIR"], "raised").write_text(repr(time.time()))
                raise ValueError("this row is spoilt")
            return honest(indices)

        rows.take = take  # type: ignore[method-assign]
    return rows


# in a controller


def attach(**cluster: Any) -> Any:
    """Connect to the cluster; and have the scoreboard write down when the reports behind an event were made."""
    from lepton_lab.cluster import attach as honest
    from lepton_lab.train._scoreboard import Scoreboard

    publish = Scoreboard._publish

    def watched(self: Any) -> None:
        made = [self._latest[rank]["time"] for rank in sorted(self._latest)]
        tell = self.report

        def note(event: Any) -> None:
            with Path(self.job.folder, "probe.jsonl").open("a") as stream:
                stream.write(json.dumps({"event": event.time, "made": made}) + "\n")
            tell(event)

        self.report = note
        try:
            publish(self)
        finally:
            self.report = tell

    Scoreboard._publish = watched  # type: ignore[method-assign]
    return honest(**cluster)
