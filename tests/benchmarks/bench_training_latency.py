"""How long a run takes to its first step, its metrics to the lab, what they cost, and how soon a run is cancelled.

python tests/benchmarks/bench_training_latency.py
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from lepton_lab.events import RunProgress
from lepton_lab.lab import Lab
from tests.benchmarks import probes
from tests.benchmarks.training import ROOT, lab_with, own_temporary_folder, pictures, table
from tests.train.processes import ranks, wait_for

IMPORT = "import distributed, tensorflow, tf_keras"
"""What the fork server loads before it can fork."""
ROWS, BATCH = 12_800, 128
SECONDS = 30.0
"""How long metrics are watched."""
SETTINGS: dict[str, Any] = {"strategy": "multiworker", "batch_size": BATCH, "background": True}


def first_step(lab: Lab) -> tuple[str, float]:
    """Start a run; its id, and the seconds from the call to its first progress on the lab's bus."""
    arrived, at = threading.Event(), [0.0]

    def take(event: object) -> None:
        if not arrived.is_set():
            at[0] = time.perf_counter()
            arrived.set()

    unsubscribe = lab.events.subscribe(take, RunProgress)
    began = time.perf_counter()
    run = lab.train("model", "rows", epochs=100_000, **SETTINGS)
    assert arrived.wait(120)
    unsubscribe()
    return run.id, at[0] - began


def cancel(lab: Lab, run: str) -> tuple[float, float, float]:
    """Seconds until a run is cancelled, its ranks are gone, and the workers are free for another's."""
    began = time.perf_counter()
    assert lab.run.stop(run).state == "cancelled"
    seconds = [time.perf_counter() - began]
    wait_for(lambda: not ranks(lab, run))
    seconds.append(time.perf_counter() - began)
    wait_for(lambda: not lab.cluster.handle.client.run_on_scheduler(used))
    seconds.append(time.perf_counter() - began)
    assert any((lab.workspace.path("runs", run) / "checkpoints").glob("*.json")), "there is no checkpoint"
    return seconds[0], seconds[1], seconds[2]


def used(dask_scheduler: Any) -> float:
    """On the scheduler: how many ranks have their place on a worker."""
    return sum(worker.used_resources.get("lepton", 0.0) for worker in dask_scheduler.workers.values())


def cold(workspace: Path) -> None:
    """A process of its own: the first step on a new cluster, asked for at once."""
    with Lab(workspace) as lab:
        lab.cluster.up(workers=2, threads=1)
        run, seconds = first_step(lab)
        lab.run.stop(run)
    print(seconds)


def cold_start(workspace: Path) -> tuple[float, float]:
    """Seconds to a first step without a fork server, and of the import of TensorFlow by itself."""
    with tempfile.TemporaryDirectory(prefix="lc") as folder:
        environment = {**os.environ, "TMPDIR": folder}
        command = [sys.executable, "-m", "tests.benchmarks.bench_training_latency", "--cold", str(workspace)]
        answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    began = time.perf_counter()
    quiet = os.environ | {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}
    subprocess.run([sys.executable, "-c", IMPORT], env=quiet, capture_output=True, check=True)
    return float(answer.splitlines()[-1]), time.perf_counter() - began


def delays(lab: Lab) -> tuple[list[float], list[float], dict[str, float]]:
    """Seconds from the report that an event was made upon, and from that with its loss, to the lab's bus; and medians
    of what the first rank's steps took, with and without an agreement, and its reports."""
    arrivals: dict[float, float] = {}
    unsubscribe = lab.events.subscribe(lambda event: arrivals.update({event.time: time.time()}), RunProgress)
    run, _ = first_step(lab)
    time.sleep(SECONDS)
    lab.run.stop(run)
    unsubscribe()
    folder = lab.workspace.path("runs", run)
    events = [json.loads(line) for line in (folder / "probe.jsonl").read_text().splitlines()]
    events = [event for event in events if event["event"] in arrivals]
    latest = [arrivals[event["event"]] - max(event["made"]) for event in events]
    loss = [arrivals[event["event"]] - event["made"][0] for event in events]
    took = json.loads((folder / "probe-0.json").read_text())
    return latest, loss, {name: statistics.median(seconds) for name, seconds in took.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--cold", type=Path)
    options = parser.parse_args()
    if options.cold:
        return cold(options.cold)
    own_temporary_folder()
    x, y, source = pictures(ROWS)
    warm, cancels, colds = [], [], []
    with lab_with(x, y) as lab:
        lab.model.new("model", kind="mlp", data="rows", hidden_size=128, num_layers=1)
        for _ in range(options.turns + 1):
            run, seconds = first_step(lab)
            time.sleep(1.0)
            warm.append(seconds)
            cancels.append(cancel(lab, run))
        probes.change_orders(lab, rows="tests.benchmarks.probes:watch", attach="tests.benchmarks.probes:attach")
        latest, loss, took = delays(lab)
        lab.cluster.down()
        for _ in range(options.turns):
            colds.append(cold_start(lab.workspace.folder))
    first, imports = (statistics.median(column) for column in zip(*colds, strict=True))
    cancelled, gone, free = (statistics.median(column) for column in zip(*cancels[1:], strict=True))
    print(
        f"{source}, {ROWS:,} rows, `mlp` of 0.10 M parameters on two ranks, batch {BATCH}; median of {options.turns}\n"
    )
    p50, p99 = (1000 * float(np.percentile(latest, q)) for q in (50, 99))
    loss50, loss99 = (1000 * float(np.percentile(loss, q)) for q in (50, 99))
    agreement = (took["with"] - took["without"]) / took["without"]
    report = took["handling"] / took["without"]
    table(
        ["what", "measured", "target"],
        [
            ["call of `lab.train` to the first step, warm", f"{statistics.median(warm[1:]):.2f} s", "at most 2 s"],
            [
                "the same without a fork server",
                f"{first:.2f} s, import {imports:.2f} s, median difference "
                f"{statistics.median(a - b for a, b in colds):+.2f} s",
                "at most import + 3 s",
            ],
            [f"a report to the lab's bus, {len(latest)} events", f"p50 {p50:.1f} ms, p99 {p99:.1f} ms", "p99 50 ms"],
            ["the loss in it to the lab's bus", f"p50 {loss50:.1f} ms, p99 {loss99:.1f} ms", "p99 50 ms"],
            [
                "agreements and reports, share of a step",
                f"{agreement:+.2%} and {report:.2%} of {1000 * took['without']:.2f} ms",
                "below 1 %",
            ],
            ["`lab.run.stop` to the state cancelled", f"{cancelled:.2f} s", "at most 2 s"],
            ["to the ranks' end", f"{gone:.2f} s", "at most 2 s"],
            ["to workers that can take another's ranks", f"{free:.2f} s", "at most 2 s, with a checkpoint"],
        ],
    )


if __name__ == "__main__":
    main()
