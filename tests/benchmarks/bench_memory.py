"""Peak memory of the quickstart, all its processes together, as the proportional set size (PSS).

Every process that the notebook's kernel starts inherits a variable of the environment; by it they are found, whoever
their parent is by now. The peak is of the sum over all of them, taken ten times a second.

    python tests/benchmarks/bench_memory.py
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
import uuid
from collections import Counter
from pathlib import Path

import nbformat
import psutil
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent.parent
MARK = f"LEPTON_BENCHMARK={uuid.uuid4()}"
SECONDS = 0.1


def kind_of(command: list[str]) -> str:
    """What a process is, for the table."""
    line = " ".join(command)
    for word, name in (
        ("ipykernel", "kernel"),
        ("forkserver._server", "fork server and its children"),
        ("scheduler", "scheduler"),
        ("dask", "workers"),
    ):
        if word in line:
            return name
    return "other"


def pss(pid: int) -> int:
    """Bytes of a process's proportional set size."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def sample(known: dict[int, str]) -> Counter[str]:
    """PSS by kind of process."""
    total: Counter[str] = Counter()
    for process in psutil.process_iter():
        try:
            if process.pid not in known:
                environment = Path(f"/proc/{process.pid}/environ").read_bytes().decode(errors="replace").split("\0")
                known[process.pid] = kind_of(process.cmdline()) if MARK in environment else ""
            if known[process.pid]:
                total[known[process.pid]] += pss(process.pid)
        except (OSError, psutil.Error):
            continue
    return total


def main() -> None:
    notebook = nbformat.read(ROOT / "tutorials" / "01_quickstart.ipynb", as_version=4)
    peak: Counter[str] = Counter()
    over = threading.Event()

    def watch() -> None:
        nonlocal peak
        known: dict[int, str] = {}
        while not over.wait(SECONDS):
            now = sample(known)
            if now.total() > peak.total():
                peak = now

    with tempfile.TemporaryDirectory(prefix="lt") as folder:
        name, value = MARK.split("=")
        os.environ[name] = value
        os.environ["TMPDIR"] = folder  # a fork server of its own
        watcher = threading.Thread(target=watch)
        watcher.start()
        started = time.monotonic()
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": folder}}).execute()
        seconds = time.monotonic() - started
        over.set()
        watcher.join()
    print(f"Quickstart, two workers, {seconds:.0f} s\n\n| process | PSS at the peak, MB |\n|---|---|")
    for kind, size in peak.most_common():
        print(f"| {kind} | {size / 1e6:.0f} |")
    print(f"| together | {peak.total() / 1e6:.0f} |")


if __name__ == "__main__":
    main()
