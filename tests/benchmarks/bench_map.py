"""What `lab.map` costs beside Dask's `client.map`, and how well it shares work out to a worker that comes late.

Run as `python -m tests.benchmarks.bench_map`. Two workers with one thread each; the two take turns.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from typing import Any

from distributed import Client

from lepton_lab.lab import Lab
from tests.benchmarks.training import own_temporary_folder

REPEATS = 5
CALLS, SECONDS = 1000, 0.01
LATE_CALLS, LATE_SECONDS, LATE_AFTER = 60, 0.05, 0.5


def nap(seconds: float) -> None:
    time.sleep(seconds)


def took(work: Any, *arguments: Any, **options: Any) -> float:
    began = time.perf_counter()
    work(*arguments, **options)
    return time.perf_counter() - began


def theirs(client: Client) -> None:
    client.gather(client.map(nap, [SECONDS] * CALLS, pure=False))


def overhead(lab: Lab) -> tuple[list[float], list[float]]:
    """Seconds of ours and theirs."""
    ours_, theirs_ = [], []
    for _ in range(REPEATS):
        ours_.append(took(lab.map, nap, [SECONDS] * CALLS))
        theirs_.append(took(theirs, lab.cluster.handle.client))
    return ours_, theirs_


def late(lab: Lab) -> list[float]:
    """Seconds of ours, where the second worker is started when the first one is half a second into the work."""
    from threading import Timer

    found = []
    for _ in range(REPEATS):
        lab.cluster.scale(1)
        joined: list[float] = []

        def join(joined: list[float] = joined) -> None:
            lab.cluster.scale(2)
            joined.append(time.perf_counter())

        timer = Timer(LATE_AFTER, join)
        began = time.perf_counter()
        timer.start()
        lab.map(nap, [LATE_SECONDS] * LATE_CALLS)
        ended = time.perf_counter()
        timer.join()
        alone = joined[0] - began
        best = alone + (LATE_CALLS * LATE_SECONDS - alone) / 2
        found.append((ended - began) / best)
    return found


def main() -> None:
    own_temporary_folder()
    with tempfile.TemporaryDirectory() as workspace, Lab(workspace) as lab:
        lab.cluster.up(workers=2, threads=1, memory="500MB")
        lab.map(nap, [SECONDS] * 100)
        ours, their = overhead(lab)
        ratios = [a / b for a, b in zip(ours, their, strict=True)]
        print("| | lab.map, s | client.map, s | ratio |\n|---|---|---|---|")
        print(
            f"| {CALLS} calls of {1000 * SECONDS:.0f} ms | {statistics.median(ours):.2f} | "
            f"{statistics.median(their):.2f} | {statistics.median(ratios):.3f} "
            f"({min(ratios):.3f} to {max(ratios):.3f}) |"
        )
        shares = late(lab)
        print(
            f"\n{LATE_CALLS} calls of {1000 * LATE_SECONDS:.0f} ms, a second worker asked for after {LATE_AFTER} s: "
            f"{statistics.median(shares):.3f} times as long as shared out evenly from when it is there "
            f"({min(shares):.3f} to {max(shares):.3f})"
        )


if __name__ == "__main__":
    main()
