"""What the benchmarks of training share: rows, a lab of their own, hand-started ranks, tables.

Like the tests, they have a temporary folder of their own, so that no other lab's fork server serves them.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from lepton_lab.lab import Lab

ROOT = Path(__file__).parent.parent.parent


def own_temporary_folder() -> None:
    """Have this process and all that it starts use another temporary folder; it goes with the process."""
    os.environ["TMPDIR"] = tempfile.tempdir = tempfile.mkdtemp(prefix="lb")
    atexit.register(shutil.rmtree, os.environ["TMPDIR"], ignore_errors=True)


def pictures(count: int) -> tuple[Any, Any, str]:
    """The first of MNIST's training rows, uint8 (count, 28, 28, 1) and int64 (count,), and what they are.

    Where the machine lacks MNIST, rows of the same shape at random.
    """
    folder = Path(os.environ.get("LEPTON_TEST_DATA", "/nowhere")) / "mnist"
    if folder.is_dir():
        from lepton_lab.data import load, open_split

        with tempfile.TemporaryDirectory() as place:
            x, y = open_split(load(folder, "mnist", Path(place) / "mnist"), "train")
            return np.array(x[:count]), np.array(y[:count]), "MNIST"
    chance = np.random.default_rng(0)
    x = chance.integers(0, 256, (count, 28, 28, 1), np.uint8)
    return x, chance.integers(0, 10, count), "random rows"


@contextmanager
def lab_with(x: Any, y: Any) -> Iterator[Lab]:
    """A lab with two workers of one thread each and the data set `rows`."""
    with tempfile.TemporaryDirectory(prefix="lw") as workspace, Lab(workspace) as lab:
        lab.data.load((x, y), name="rows", test_share=0.0)
        lab.data.shard("rows", shards=8)
        lab.cluster.up(workers=2, threads=1)
        yield lab


class Plain:
    """Processes started by hand that train without Lepton Lab; see `plain_ranks`.

    Parameters
    ----------
    folder
        For their rows and for what they print.
    model_file
        The model that they train, from its first weights.
    """

    def __init__(self, folder: Path, model_file: Path, x: Any, y: Any, ranks: int, threads: int, batch: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / "rows.npz", x=x, y=y)
        addresses = [f"127.0.0.1:{free_port()}" for _ in range(ranks)]
        self.processes = []
        for rank in range(ranks):
            environment = dict(os.environ, TF_USE_LEGACY_KERAS="1", OMP_NUM_THREADS=str(threads))
            environment |= {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "2"}
            if ranks > 1:
                task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": rank}}
                environment["TF_CONFIG"] = json.dumps(task)
            command = [sys.executable, "-m", "tests.benchmarks.plain_ranks"]
            command += [str(folder / "rows.npz"), str(model_file), str(threads), str(batch)]
            self.processes.append(
                subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env=environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=(folder / f"rank-{rank}.log").open("w"),
                    text=True,
                )
            )

    def ask(self, *words: object) -> float:
        """Have all ranks do something; the first one's answer, milliseconds a step."""
        for process in self.processes:
            assert process.stdin is not None
            print(*words, file=process.stdin, flush=True)
        answers = []
        for process in self.processes:
            assert process.stdout is not None
            answers.append(process.stdout.readline())
        return float(answers[0])

    def close(self) -> None:
        """End them."""
        for process in self.processes:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def milliseconds(run: Any, steps: int) -> float:
    """Of a step, over the epochs of a run after its first."""
    seconds = run.history["seconds"][1:]
    return 1000 * sum(seconds) / len(seconds) / steps


def ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """The median of the ratios within each turn: what else the machine did at that time cancels out."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table in Markdown."""
    for cells in (head, ["---"] * len(head), *rows):
        print(f"| {' | '.join(map(str, cells))} |" if cells[0] != "---" else f"|{'|'.join(map(str, cells))}|")
