"""How long a cluster of two workers takes to its first finished task and what it weighs, beside Dask's `LocalCluster`.

Run as `python -m tests.benchmarks.bench_cluster_up`. Both start in a process that has Dask loaded already, which
favours `LocalCluster`; they take turns, so that a busy machine hits both. Ours is locked by TLS, theirs is not.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import psutil

REPEATS = 5


def weight(pids: set[int]) -> float:
    """Megabytes of these processes, shared pages counted by share (PSS)."""
    return sum(psutil.Process(pid).memory_full_info().pss for pid in pids) / 1e6


def below() -> set[int]:
    """Process ids of all that this process started."""
    return {process.pid for process in psutil.Process().children(recursive=True)}


def ours(folder: Path) -> tuple[float, float, float]:
    """Seconds to the first word, to the first task, and megabytes."""
    from lepton_lab.cluster import up

    before, began = below(), time.perf_counter()
    words: list[float] = []
    handle = up(
        folder,
        name="bench",
        workers=2,
        threads=1,
        device="cpu",
        report=lambda event: words.append(time.perf_counter() - began),
    )
    handle.client.submit(abs, -1, pure=False).result()
    took = time.perf_counter() - began
    time.sleep(0.5)
    megabytes = weight(below() - before)
    handle.down()
    return words[0], took, megabytes


def theirs() -> tuple[float, float]:
    """Seconds to the first task, and megabytes; the scheduler's share lies in this process and isn't counted."""
    from distributed import Client, LocalCluster

    before, began = below(), time.perf_counter()
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        client.submit(abs, -1, pure=False).result()
        took = time.perf_counter() - began
        time.sleep(0.5)
        return took, weight(below() - before)


def main() -> None:
    """Print a table of medians."""
    import distributed

    assert distributed.__version__
    with tempfile.TemporaryDirectory() as folder:
        runs = [(ours(Path(folder)), theirs()) for _ in range(REPEATS)]
    first, task, megabytes = (statistics.median(run[0][i] for run in runs) for i in range(3))
    their_task, their_megabytes = (statistics.median(run[1][i] for run in runs) for i in range(2))
    print(f"median of {REPEATS}            lepton  LocalCluster")
    print(f"first progress, s     {first:8.3f}             -")
    print(f"first task, s         {task:8.2f}  {their_task:12.2f}   ratio {task / their_task:.2f}")
    print(f"all processes, MB PSS {megabytes:8.0f}  {their_megabytes:12.0f}   (theirs without the scheduler)")


if __name__ == "__main__":
    main()
