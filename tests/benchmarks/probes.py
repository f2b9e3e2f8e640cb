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

    Of every twenty calls of TensorFlow the ranks agree in ten. In the others each takes its own sums for those of all;
    what is learnt stays the same. Seconds a step are those from one call's begin to the next one's.
    """
    import numpy as np

    from lepton_lab.data import open_rows
    from lepton_lab.train._loop import Loop
    from lepton_lab.train._session import Session

    took: dict[str, list[float]] = {"with": [], "without": [], "handling": []}
    learn, agree, train = Session.learn, Loop._agree, Loop.train
    calls, last, step_seconds = 0, ("", 0.0, 1), 0.0

    def timed_learn(self: Any, iterator: Any, count: int, wishes: Any, fresh: Any, agrees: bool) -> Any:
        nonlocal calls, last, step_seconds
        calls += 1
        is_alone = calls > 10 and calls // 10 % 2 == 1 and agrees
        kind, now = "without" if is_alone else "with", time.perf_counter()
        if last[0] == kind and calls > 10 and count > 10:  # the first ones trace
            took[kind].append((now - last[1]) / last[2])
        last = (kind, now, count)
        sums, agreed = learn(self, iterator, count, wishes, fresh, agrees=agrees and not is_alone)
        if is_alone:
            agreed = np.array([0.0, 0.0, step_seconds, *(fresh + sums[:-1])])
        elif agreed is not None:
            step_seconds = agreed[2]
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
